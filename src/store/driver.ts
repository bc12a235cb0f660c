/**
 * The Slonik driver over our own sessions, so that the pool, its transactions and its types are the same on PostgreSQL and on
 * the embedded database, and every statement has a deadline on our side. Main thread only.
 */
import { BackendTerminatedError, createDriverFactory, type DriverFactory } from "slonik";
import { CodedError } from "../core/errors.ts";
import type { Link, OpenLink } from "./link.ts";
import { unavailable } from "./store-errors.ts";

export function createLinkDriver(open: OpenLink, deadlineMs: number): DriverFactory {
  return createDriverFactory(async () => ({
    createPoolClient: async ({ clientEventEmitter }) => {
      let link: Link | null = null;
      const onLost = (error: Error) => clientEventEmitter.emit("error", new BackendTerminatedError(error));
      const current = (): Link => {
        if (link === null) throw unavailable("the session on the database is not open");
        return link;
      };
      return {
        connect: async () => {
          link = await open({ deadlineMs, onLost });
        },
        end: async () => {
          await link?.end();
        },
        query: async (text, values) => {
          try {
            return await current().query(text, values);
          } catch (error) {
            // Slonik must not send a ROLLBACK down a session that is lost.
            if (error instanceof CodedError) throw new BackendTerminatedError(error);
            throw error;
          }
        },
        stream: (): never => {
          throw new Error("streams are not offered: read in pages");
        },
      };
    },
  }));
}
