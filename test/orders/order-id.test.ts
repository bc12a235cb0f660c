import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { manualOrderId, ORDER_ID_PREFIX, strategyOrderId } from "../../src/orders/order-id.ts";

void describe("order ids", () => {
  void it("are the prefix and the base 32 form (RFC 4648) of the hash of the length-prefixed parts", () => {
    const parts = ["manual", "book", "key", "once"];
    const bytes = Buffer.concat(parts.flatMap((part) => [Buffer.from([0, 0, 0, part.length]), Buffer.from(part)]));
    const digest = createHash("sha256").update(bytes).digest();
    const bits = [...digest.subarray(0, 25)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
    const letters = (bits.match(/.{5}/g) ?? []).map(
      (group) => "abcdefghijklmnopqrstuvwxyz234567"[Number.parseInt(group, 2)],
    );
    assert.equal(manualOrderId("book", "key", "once"), `atb-${letters.join("")}`);
  });

  void it("have at most 48 characters of a to z, 0 to 9 and -", () => {
    const parts = fc.tuple(fc.string(), fc.string(), fc.nat(), fc.string({ unit: "binary" }), fc.nat());
    fc.assert(
      fc.property(parts, ([book, instance, version, trigger, leg]) => {
        const id = strategyOrderId(book, instance, version, trigger, leg);
        assert.match(id, /^[a-z0-9-]{1,48}$/);
        assert.ok(id.startsWith(ORDER_ID_PREFIX));
        assert.equal(strategyOrderId(book, instance, version, trigger, leg), id);
      }),
    );
  });

  void it("differ when any part differs, however the parts are cut", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "1", ":", "-", "\u0000"), maxLength: 4 });
    const parts = fc.tuple(word, word, fc.nat(20), word, fc.nat(2));
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        assert.equal(strategyOrderId(...a) === strategyOrderId(...b), JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 1000 },
    );
  });

  void it("differ between strategies and people", () => {
    assert.notEqual(strategyOrderId("b", "i", 1, "t", 0), manualOrderId("b", "i", "1"));
  });
});
