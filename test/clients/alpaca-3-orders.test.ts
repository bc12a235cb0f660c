import { describe } from "node:test";
import { Alpaca3Trading } from "./alpaca-3.ts";
import { simpleOrders } from "./order-contract.ts";

describe("Alpaca's client, version 3", () => {
  simpleOrders((url) => new Alpaca3Trading(url));
});
