import { describe } from "node:test";
import { Alpaca4DataStream } from "./alpaca-4-data.ts";
import { Alpaca4History } from "./alpaca-4-history.ts";
import { marketDataOfThePast } from "./history-contract.ts";
import { marketDataStreams } from "./stream-contract.ts";

describe("the data streams of Alpaca's client, version 4,", () => {
  marketDataStreams((url, kind) => new Alpaca4DataStream(url, kind), {});
});

describe("market data of the past, by Alpaca's client, version 4,", () => {
  marketDataOfThePast((url) => new Alpaca4History(url));
});
