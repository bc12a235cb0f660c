import assert from "node:assert/strict";
import { test } from "node:test";
import { faultOf } from "../../src/cache/redis-fault.ts";

/** The words are those of Redis 7. */
test("what Redis answers is told apart", () => {
  const answered = (message: string) => faultOf(Object.assign(new Error(message), { name: "ReplyError" }));
  assert.equal(answered("WRONGPASS invalid username-password pair or user is disabled."), "wrong_password");
  assert.equal(answered("NOAUTH HELLO must be called with the client already authenticated."), "wrong_password");
  assert.equal(answered("LOADING Redis is loading the dataset in memory"), "loading");
  assert.equal(answered("READONLY You can't write against a read only replica."), "read_only");
  assert.equal(answered("NOREPLICAS Not enough good replicas to write."), "no_replicas");
  assert.equal(answered("OOM command not allowed when used memory > 'maxmemory'."), "out_of_memory");
  assert.equal(answered("ERR max number of clients reached"), "refused");
  assert.equal(faultOf(new Error("connect ECONNREFUSED 127.0.0.1:6379")), "unreachable");
  assert.equal(faultOf(new Error("Command timed out")), "unreachable");
  assert.equal(faultOf("anything"), "unreachable");
});
