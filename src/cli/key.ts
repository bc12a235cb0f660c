/** `key create`, `key list` and `key revoke`: the API's keys in the database that the configuration names. */
import { databaseDirectory } from "../config/config.ts";
import type { ApiKey, ApiKeys, Role } from "../store/api-keys.ts";
import { type Command, type CommandArguments, type CommandIo, EXIT_DONE, EXIT_FAILED, usageError } from "./command.ts";
import { CONFIG_OPTION, DATA_DIR_OPTION, loadFor } from "./config-options.ts";

const OPTIONS = [CONFIG_OPTION, DATA_DIR_OPTION];
/** Who the audit says it was. */
const ACTOR = "command-line";
const DAYS_MAX = 90;

async function withKeys<T>(given: CommandArguments, io: CommandIo, work: (keys: ApiKeys) => Promise<T>): Promise<T> {
  const { config } = await loadFor(OPTIONS, given, io);
  const { openStore } = await import("../store/store.ts");
  const apiKeys = await import("../store/api-keys.ts");
  const store = await openStore({ url: config.database.url, dataDir: databaseDirectory(config) });
  try {
    return await work(new apiKeys.ApiKeys({ store, nowMs: Date.now }));
  } finally {
    await store.close();
  }
}

export const KEY_CREATE: Command = {
  name: "key create",
  summary: "Make an API key and print it once; only its hash is kept.",
  details: [
    "Roles, each with the rights of those before it: viewer reads, trader orders and starts or stops strategies, risk lifts a halt, admin does everything.",
    "With the embedded database stop the bot first: one process may use its directory.",
  ],
  positionals: [],
  options: [
    ...OPTIONS,
    { name: "name", value: "TEXT", about: "Whose key it is or what for." },
    { name: "role", value: "ROLE", about: "viewer, trader, risk or admin." },
    { name: "days", value: "N", about: "Days until it expires, 1 to 90. 90 by default." },
  ],
  examples: ["algo-trading-bot key create --name dashboard --role viewer --days 30"],
  async run(given, io) {
    const [name, role] = [given.text("name"), given.text("role")];
    if (name === null || role === null) throw usageError("key create needs --name TEXT and --role ROLE");
    const days = given.integer("days", 1, DAYS_MAX, DAYS_MAX);
    const request = { name, role: await knownRole(role), days, actor: ACTOR };
    const made = await withKeys(given, io, (keys) => keys.create(request));
    if (given.json) io.print(JSON.stringify({ ...made.key, key: made.text }));
    else {
      io.print(made.text);
      io.tell(`This key is not shown again. ${line(made.key, Date.now())}`);
    }
    return EXIT_DONE;
  },
};

export const KEY_LIST: Command = {
  name: "key list",
  summary: "List the API keys, with those that are revoked or expired.",
  details: [],
  positionals: [],
  options: OPTIONS,
  examples: [],
  async run(given, io) {
    const keys = await withKeys(given, io, (all) => all.list());
    const nowMs = Date.now();
    if (given.json) io.print(JSON.stringify(keys));
    else if (keys.length === 0) io.tell("there are no keys");
    else io.print(keys.map((key) => line(key, nowMs)).join("\n"));
    return EXIT_DONE;
  },
};

export const KEY_REVOKE: Command = {
  name: "key revoke",
  summary: "End an API key; running bots refuse it within five seconds.",
  details: [],
  positionals: [{ name: "ID", about: "the key's id, as `key list` shows it" }],
  options: OPTIONS,
  examples: [],
  async run(given, io) {
    const id = given.positionals[0] as string;
    const revoked = await withKeys(given, io, (keys) => keys.revoke(id, ACTOR));
    if (given.json) io.print(JSON.stringify({ id, revoked }));
    else io.tell(revoked ? `${id} is revoked` : `there is no key ${id} that could be revoked`);
    return revoked ? EXIT_DONE : EXIT_FAILED;
  },
};

async function knownRole(given: string): Promise<Role> {
  const { ROLES } = await import("../store/api-keys.ts");
  const role = ROLES.find((candidate) => candidate === given);
  if (role === undefined) throw usageError(`--role must be one of ${ROLES.join(", ")}, got ${given}`);
  return role;
}

function line({ id, name, role, expiresAtMs, revokedAtMs }: ApiKey, nowMs: number): string {
  const end = new Date(expiresAtMs).toISOString().slice(0, 10);
  const state = revokedAtMs !== null ? "revoked" : expiresAtMs <= nowMs ? `expired ${end}` : `until ${end}`;
  return `${id}  ${role.padEnd(6)}  ${state}  ${name}`;
}
