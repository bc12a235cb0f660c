import { describe } from "node:test";
import { Alpaca4DataStream } from "./alpaca-4-data.ts";
import { marketDataStreams } from "./stream-contract.ts";

describe("the data streams of Alpaca's client, version 4,", () => {
  marketDataStreams((url, kind) => new Alpaca4DataStream(url, kind), {});
});
