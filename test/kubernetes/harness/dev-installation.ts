/** Development's overlay, whole and running in a namespace of the test's own. */
import type { Cluster } from "./cluster.ts";
import { BOT_IMAGE, POSTGRES_IMAGE } from "./images.ts";
import { type Installation, install } from "./installation.ts";
import type { KubeObject } from "./render.ts";

export const TEST_IMAGES = { "algo-trading-bot": BOT_IMAGE, "algo-trading-postgres": POSTGRES_IMAGE } as const;

/** As `install`; `change` may alter objects before they are applied. */
export function installDev(
  cluster: Cluster,
  purpose: string,
  change: (object: KubeObject) => KubeObject = (object) => object,
): Promise<Installation> {
  return install(cluster, { environment: "dev", purpose, change });
}
