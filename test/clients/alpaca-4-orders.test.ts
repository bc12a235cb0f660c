import { describe } from "node:test";
import { Alpaca4Trading } from "./alpaca-4.ts";
import { simpleOrders } from "./order-contract.ts";

describe("Alpaca's client, version 4", () => {
  simpleOrders((url) => new Alpaca4Trading(url));
});
