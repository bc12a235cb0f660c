/**
 * What the simulator's ledger file says of the account, by arithmetic of this file's own: the independent judge of the
 * bot's books. It reads lines as they are on the disk and knows nothing of the venue, the wire or the order path.
 */
import { type FileHandle, open } from "node:fs/promises";

export interface JudgedOrder {
  readonly id: string;
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: "buy" | "sell";
  readonly status: string;
  readonly filledQuantity: bigint;
}

interface Line {
  readonly kind: string;
  readonly startingCash?: string;
  readonly order?: Record<string, string>;
  readonly execution?: Record<string, string> | null;
  readonly activity?: Record<string, string>;
}

const SCALE = 1_000_000_000n;

export class LedgerJudge {
  readonly #file: FileHandle;
  #offset = 0;
  #rest = "";
  /** By the venue's id. */
  readonly orders = new Map<string, JudgedOrder>();
  readonly positions = new Map<string, bigint>();
  cash = 0n;
  fills = 0;
  /** Fills of which a part was kept as a fee; splits and dividends. */
  feesInKind = 0;
  actions = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(path: string): Promise<LedgerJudge> {
    return new LedgerJudge(await open(path, "r"));
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** Takes in what has been written since the last look. */
  async look(): Promise<void> {
    const { size } = await this.#file.stat();
    const bytes = Buffer.alloc(size - this.#offset);
    if (bytes.length > 0) await this.#file.read(bytes, 0, bytes.length, this.#offset);
    this.#offset = size;
    const lines = (this.#rest + bytes.toString("utf8")).split("\n");
    this.#rest = lines.pop() as string;
    for (const line of lines) this.#take(JSON.parse(line) as Line);
  }

  /** Every order with this client order id: there must never be two. */
  ofClient(clientOrderId: string): JudgedOrder[] {
    return [...this.orders.values()].filter((order) => order.clientOrderId === clientOrderId);
  }

  #take(line: Line): void {
    if (line.kind === "head") this.cash = fixed(line.startingCash as string);
    if (line.activity !== undefined) this.#act(line.activity);
    if (line.order === undefined) return;
    const order = line.order as unknown as Omit<JudgedOrder, "filledQuantity"> & { filledQuantity: string };
    const { id, clientOrderId, symbol, side, status } = order;
    this.orders.set(id, { id, clientOrderId, symbol, side, status, filledQuantity: fixed(order.filledQuantity) });
    if (line.execution) this.#trade(symbol, side, line.execution);
  }

  /** Buys add what they bought less the fee in kind; cash moves by price × quantity, to the ninth digit, and the fee. */
  #trade(symbol: string, side: "buy" | "sell", execution: Record<string, string>): void {
    const quantity = fixed(execution["quantity"] as string);
    const change = (side === "buy" ? quantity : -quantity) - fixed(execution["feeQuantity"] as string);
    this.positions.set(symbol, (this.positions.get(symbol) ?? 0n) + change);
    const notional = halfEven(quantity * fixed(execution["price"] as string));
    this.cash += (side === "buy" ? -notional : notional) - fixed(execution["fee"] as string);
    this.fills++;
    if (fixed(execution["feeQuantity"] as string) > 0n) this.feesInKind++;
  }

  /** Fees are in the executions; what is left are the issuer's doings. */
  #act(activity: Record<string, string>): void {
    const { type, symbol, quantity, netAmount } = activity;
    if (type !== "SPLIT" && type !== "DIV") return;
    const change = type === "SPLIT" ? fixed(quantity as string) : 0n;
    this.positions.set(symbol as string, (this.positions.get(symbol as string) ?? 0n) + change);
    this.cash += fixed(netAmount as string);
    this.actions++;
  }
}

/** A decimal of at most nine digits behind the point → billionths. */
function fixed(text: string): bigint {
  const [whole = "0", fraction = ""] = text.replace("-", "").split(".");
  const value = BigInt(whole) * SCALE + BigInt(fraction.padEnd(9, "0"));
  return text.startsWith("-") ? -value : value;
}

/** Billionths of billionths → billionths; a tie goes to the even digit. Amounts here are positive. */
function halfEven(product: bigint): bigint {
  const quotient = product / SCALE;
  const twice = (product % SCALE) * 2n;
  return twice > SCALE || (twice === SCALE && quotient % 2n === 1n) ? quotient + 1n : quotient;
}
