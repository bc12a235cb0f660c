/**
 * The images that the cluster tests run, under the tag `TEST_IMAGE_TAG` (by default `dev`), with `-next` and `-broken` beside it. On
 * the project's own cluster they are built where that is needed and loaded; on another one they have to be there.
 */
import { buildBotVariants, buildImages } from "../../../scripts/cluster/images.ts";
import type { Cluster } from "./cluster.ts";

export const TEST_TAG = process.env["TEST_IMAGE_TAG"] || "dev";

export async function loadTestImages(cluster: Cluster): Promise<void> {
  if (!cluster.isLocal) return;
  const options = { tag: TEST_TAG, log: () => undefined };
  const archives = { ...(await buildImages(options)), ...(await buildBotVariants(options)) };
  for (const archive of Object.values(archives)) await cluster.loadImage(archive);
}
