import { describe } from "node:test";
import { Alpaca4Trading } from "./alpaca-4.ts";
import { cryptoOrders } from "./crypto-contract.ts";
import { groupedOrders } from "./group-contract.ts";
import { simpleOrders } from "./order-contract.ts";
import { specialOrders } from "./special-contract.ts";
import { stopOrders } from "./stop-contract.ts";

describe("Alpaca's client, version 4", () => {
  for (const contract of [simpleOrders, stopOrders, groupedOrders, specialOrders, cryptoOrders])
    contract((url) => new Alpaca4Trading(url));
});
