/**
 * The project's images for tests on a cluster. `npm test -- --cluster` builds them from this checkout and brings them to every
 * node before the first test; the tests only name them. `TEST_IMAGE_TAG` is their tag, by default `dev`.
 */
import { type BotVariants, buildBotVariants, buildImages, type Images } from "../../../scripts/cluster/images.ts";
import { findInPath } from "../../../scripts/cluster/paths.ts";
import { say } from "../../../scripts/cluster/progress.ts";
import { openCluster } from "./cluster.ts";

const TAG = process.env["TEST_IMAGE_TAG"] || "dev";
const NEEDED = ["buildah", "runc", "debootstrap"];

export const BOT_IMAGE = `localhost/algo-trading-bot:${TAG}`;
export const NEXT_BOT_IMAGE = `${BOT_IMAGE}-next`;
export const BROKEN_BOT_IMAGE = `${BOT_IMAGE}-broken`;
export const POSTGRES_IMAGE = `localhost/algo-trading-postgres:${TAG}`;
export const REDIS_IMAGE = "docker.io/library/redis:7.2-bookworm";

/** What stands behind the colon, as `deploy.sh --tag` takes it. */
export function tagOf(image: string): string {
  return image.split(":").at(-1) ?? "";
}

/** Why images cannot be built here, or null. */
export function whyNoImages(): string | null {
  if (process.getuid?.() !== 0) return "images are built by root only";
  const missing = NEEDED.filter((program) => findInPath(program) === null);
  return missing.length === 0
    ? null
    : `images are built with ${NEEDED.join(", ")}: ${missing.join(", ")} not installed`;
}

/** Builds what has changed. Gives the archives' paths. */
export async function buildTestImages(): Promise<Images & BotVariants> {
  const options = { tag: TAG, log: say };
  return { ...(await buildImages(options)), ...(await buildBotVariants(options)) };
}

/** Builds and loads all of them where that is possible; where it is not, says why and leaves it to whoever runs the tests. */
export async function provideImages(): Promise<void> {
  const reason = whyNoImages();
  if (reason !== null) return say(`${reason}; the tests need these on the cluster: ${BOT_IMAGE} and the others`);
  const cluster = await openCluster();
  if ("skip" in cluster) return;
  for (const archive of Object.values(await buildTestImages()) as string[]) await cluster.loadImage(archive);
}
