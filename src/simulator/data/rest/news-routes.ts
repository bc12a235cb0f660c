/** News, newest first unless asked otherwise. Main thread of the simulator. */
import type { FastifyInstance } from "fastify";
import { bodyOf } from "../message/message-shape.ts";
import { NEWS } from "../message/messages.ts";
import type { NewsArticle } from "../news.ts";
import { dayClockOf } from "../history/timeframe.ts";
import type { DataRoutesOptions } from "./data-market.ts";
import { badRequest, isDescending, limitOf, type Query, queryOf, rangeOf, refuseUnexpected } from "./data-query.ts";
import { pageToken, readPageToken } from "./page-token.ts";

const PAGE_DEFAULT = 10;
const PAGE_MAX = 50;
const KNOWN = ["symbols", "start", "end", "limit", "sort", "include_content", "exclude_contentless", "page_token"];
/** What stands for a symbol in the token. */
const TOKEN_NAME = "news";

export function newsRoutes(app: FastifyInstance, options: DataRoutesOptions): void {
  app.get("/v1beta1/news", async (request) => {
    const query = queryOf(request.query);
    refuseUnexpected(query, KNOWN);
    const nowUs = options.nowUs();
    const { startUs, endUs } = rangeOf(query, dayClockOf({ assetClass: "us_equity" }), { startUs: 0, endUs: nowUs });
    const limit = limitOf(query, PAGE_MAX, PAGE_DEFAULT);
    const articles = wanted(query, options.news.between(startUs, Math.min(endUs, nowUs)));
    if (isDescending(query, "desc")) articles.reverse();
    const token = query["page_token"];
    const from = token === undefined || token === "" ? 0 : readPageToken(token, { startUs, endUs }).skip;
    const next = from + limit < articles.length ? from + limit : null;
    const hasContent = flagOf(query, "include_content");
    return {
      news: articles.slice(from, from + limit).map((article) => body(article, hasContent)),
      next_page_token: next === null ? null : pageToken({ symbol: TOKEN_NAME, timeUs: startUs, skip: next }),
    };
  });
}

function wanted(query: Query, articles: readonly NewsArticle[]): NewsArticle[] {
  const symbols = (query["symbols"] ?? "").split(",").filter((symbol) => symbol !== "");
  const needsContent = flagOf(query, "exclude_contentless");
  return articles.filter(
    (article) =>
      (symbols.length === 0 || symbols.some((symbol) => article.symbols.includes(symbol))) &&
      (!needsContent || article.content !== ""),
  );
}

function flagOf(query: Query, name: string): boolean {
  const text = query[name] ?? "false";
  if (text !== "true" && text !== "false") throw badRequest(`invalid ${name}: ${text}, true or false is allowed`);
  return text === "true";
}

function body(article: NewsArticle, hasContent: boolean): object {
  const whole = { ...bodyOf(NEWS, article), images: [] };
  return hasContent ? whole : { ...whole, content: "" };
}
