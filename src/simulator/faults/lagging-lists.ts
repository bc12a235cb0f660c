/**
 * Orders, positions and activities as they were some time ago, as Alpaca's lists may show them. It remembers what each
 * order and the positions looked like, but only from the moment on at which a fault wants it, and only as far back as one
 * does. Main thread of the simulator.
 *
 * An order that was still open then is shown in a list of open orders again, behind those that still are.
 */
import type { FastifyReply, FastifyRequest } from "fastify";

type Json = Record<string, unknown>;

/** The account as it is now, in the wire's words. */
export interface CurrentLists {
  orders(): Json[];
  positions(): Json[];
}

interface Version<T> {
  readonly atMs: number;
  readonly value: T;
}

const FINAL: ReadonlySet<unknown> = new Set(["filled", "canceled", "expired", "rejected", "replaced"]);
const POSITION = /^\/v2\/positions\/([^/]+)$/;
const ORDER = /^\/v2\/orders(\/[^/]+|:by_client_order_id)$/;

export class LaggingLists {
  readonly #current: CurrentLists;
  readonly #nowMs: () => number;
  readonly #orders = new Map<string, Version<Json>[]>();
  readonly #executions = new Map<string, number>();
  #positions: Version<Json[]>[] = [];
  #keepMs = 0;

  /** `nowMs` is monotonic real time. */
  constructor(current: CurrentLists, nowMs: () => number) {
    this.#current = current;
    this.#nowMs = nowMs;
  }

  /** Begins to remember, for as long as the longest lag asked for; what is there now was there always. */
  remember(lagMs: number): void {
    if (this.#keepMs === 0) {
      const atMs = Number.NEGATIVE_INFINITY;
      for (const order of this.#current.orders()) this.#orders.set(order["id"] as string, [{ atMs, value: order }]);
      this.#positions = [{ atMs, value: this.#current.positions() }];
    }
    this.#keepMs = Math.max(this.#keepMs, lagMs);
  }

  forget(): void {
    this.#keepMs = 0;
    this.#orders.clear();
    this.#executions.clear();
    this.#positions = [];
  }

  /** An event of the account, as the `data` of a `trade_updates` message. */
  note(update: Json): void {
    if (this.#keepMs === 0) return;
    const atMs = this.#nowMs();
    const order = update["order"] as Json;
    const id = order["id"] as string;
    const versions = this.#orders.get(id) ?? [];
    versions.push({ atMs, value: order });
    this.#orders.set(id, this.#recent(versions));
    const execution = update["execution_id"];
    if (execution === undefined) return;
    this.#executions.set(execution as string, atMs);
    this.#positions.push({ atMs, value: this.#current.positions() });
    this.#positions = this.#recent(this.#positions);
  }

  /** The answer to a GET as it would have been `lagMs` ago; other answers as they are. */
  answer(request: FastifyRequest, reply: FastifyReply, payload: unknown, lagMs: number): unknown {
    if (typeof payload !== "string" || request.method !== "GET" || this.#keepMs === 0) return payload;
    const path = request.url.split("?", 1)[0] as string;
    const atMs = this.#nowMs() - lagMs;
    if (path === "/v2/orders") return JSON.stringify(this.#orderList(JSON.parse(payload), request, atMs));
    if (path === "/v2/positions") return JSON.stringify(this.#positionsAt(atMs));
    if (path.startsWith("/v2/account/activities")) return JSON.stringify(this.#activities(JSON.parse(payload), atMs));
    const position = POSITION.exec(path);
    if (position !== null) {
      const symbol = decodeURIComponent(position[1] as string).replace("/", "");
      const held = this.#positionsAt(atMs).find((row) => row["symbol"] === symbol);
      return found(reply, held, "position does not exist");
    }
    if (!ORDER.test(path) || reply.statusCode !== 200) return payload;
    const order = JSON.parse(payload) as Json;
    return found(reply, this.#orderAt(order, atMs), `order not found for ${String(order["id"])}`);
  }

  #orderList(rows: readonly Json[], request: FastifyRequest, atMs: number): Json[] {
    const { status = "open" } = request.query as { status?: string };
    const then = rows.map((row) => this.#orderAt(row, atMs)).filter((row) => row !== undefined);
    if (status !== "open") return then;
    const listed = new Set(rows.map((row) => row["id"]));
    for (const [id, versions] of this.#orders) {
      const order = valueAt(versions, atMs);
      if (order !== undefined && !listed.has(id)) then.push(order);
    }
    return then.filter((row) => !FINAL.has(row["status"]));
  }

  /** The order then; undefined when it had not been made. One that nothing happened to since is as it is. */
  #orderAt(order: Json, atMs: number): Json | undefined {
    const versions = this.#orders.get(order["id"] as string);
    return versions === undefined ? order : valueAt(versions, atMs);
  }

  #positionsAt(atMs: number): Json[] {
    return valueAt(this.#positions, atMs) ?? [];
  }

  /** An activity's id ends with the id of its execution. */
  #activities(rows: readonly Json[], atMs: number): Json[] {
    return rows.filter((row) => {
      const execution = String(row["id"]).split("::")[1] ?? "";
      return (this.#executions.get(execution) ?? Number.NEGATIVE_INFINITY) <= atMs;
    });
  }

  /** Without the versions that no lag reaches back to any more. */
  #recent<T>(versions: Version<T>[]): Version<T>[] {
    const reachMs = this.#nowMs() - this.#keepMs;
    const first = versions.findLastIndex((version) => version.atMs <= reachMs);
    return first <= 0 ? versions : versions.slice(first);
  }
}

function valueAt<T>(versions: readonly Version<T>[], atMs: number): T | undefined {
  return versions.findLast((version) => version.atMs <= atMs)?.value;
}

function found(reply: FastifyReply, body: Json | undefined, message: string): string {
  if (body === undefined) reply.code(404);
  else reply.code(200);
  return JSON.stringify(body ?? { code: 40410000, message });
}
