import { describe } from "node:test";
import { Alpaca3DataStream } from "./alpaca-3-data.ts";
import { Alpaca3History } from "./alpaca-3-history.ts";
import { marketDataOfThePast } from "./history-contract.ts";
import { trustedCertificate } from "./scripted-venue.ts";
import { marketDataStreams } from "./stream-contract.ts";

describe("the data streams of Alpaca's client, version 3,", () => {
  marketDataStreams((url, kind) => new Alpaca3DataStream(url, kind), trustedCertificate());
});

describe("market data of the past, by Alpaca's client, version 3,", () => {
  marketDataOfThePast((url) => new Alpaca3History(url));
});
