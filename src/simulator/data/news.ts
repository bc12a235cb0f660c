/**
 * News articles: a file of them, one JSON object a line, told when their time comes. Without a file there is no news. Main
 * thread of the simulator.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { CodedError } from "../../core/errors.ts";
import { parseTimeUs } from "../wire-time.ts";

/** Times are epoch microseconds. */
export interface NewsArticle {
  readonly id: number;
  readonly headline: string;
  readonly summary: string;
  readonly author: string;
  readonly createdUs: number;
  readonly updatedUs: number;
  readonly url: string;
  readonly content: string;
  readonly symbols: readonly string[];
  readonly source: string;
}

const stamp = z.string().transform((text, context) => {
  const timeUs = parseTimeUs(text);
  if (timeUs !== null) return timeUs;
  context.addIssue({ code: "custom", message: "an RFC 3339 time is needed" });
  return z.NEVER;
});

/** The fields of Alpaca's own articles. */
const schema = z.object({
  id: z.int().min(0),
  headline: z.string(),
  summary: z.string().default(""),
  author: z.string().default(""),
  created_at: stamp,
  updated_at: stamp.optional(),
  url: z.string().default(""),
  content: z.string().default(""),
  symbols: z.array(z.string()).default([]),
  source: z.string().default(""),
});

/** Reads a file; null for none. Throws `SIMULATOR_CONFIG` when there is no such file, `NEWS_FORMAT` naming line and field. */
export async function readNews(path: string | null): Promise<readonly NewsArticle[]> {
  if (path === null) return [];
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new CodedError("SIMULATOR_CONFIG", `newsFile: ${cause.message}`, { field: "newsFile", cause });
  });
  const lines = text.split("\n");
  return lines.flatMap((line, index) => (line.trim() === "" ? [] : article(line, `${path}: line ${index + 1}`)));
}

function article(line: string, where: string): NewsArticle {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new CodedError("NEWS_FORMAT", `${where} is no JSON`, { field: "newsFile", cause });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new CodedError("NEWS_FORMAT", `${where}, ${issue?.path.join(".")}: ${issue?.message}`, { field: "newsFile" });
  }
  const { created_at: createdUs, updated_at: updatedUs = createdUs, ...rest } = parsed.data;
  return { ...rest, createdUs, updatedUs };
}

export class NewsArchive {
  /** In the order in which they come out. */
  readonly #articles: readonly NewsArticle[];
  #told = 0;

  constructor(articles: readonly NewsArticle[]) {
    this.#articles = articles.toSorted((a, b) => a.updatedUs - b.updatedUs);
  }

  /** Those whose time has come since the call before. */
  advance(timeUs: number): readonly NewsArticle[] {
    const first = this.#told;
    while ((this.#articles[this.#told]?.updatedUs ?? Number.POSITIVE_INFINITY) <= timeUs) this.#told++;
    return first === this.#told ? NONE : this.#articles.slice(first, this.#told);
  }

  /** Updated in [startUs, endUs], oldest first. */
  between(startUs: number, endUs: number): readonly NewsArticle[] {
    return this.#articles.filter(({ updatedUs }) => updatedUs >= startUs && updatedUs <= endUs);
  }
}

const NONE: readonly NewsArticle[] = [];
