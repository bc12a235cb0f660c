/** Looks into a docker-archive: the image's settings and the paths of its layers. */
import { execFileSync } from "node:child_process";

const MAX_OUTPUT_BYTES = 2 ** 31 - 1;

export interface ImageSettings {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Labels?: Readonly<Record<string, string>>;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
}

export interface ImageArchive {
  readonly names: readonly string[];
  readonly settings: ImageSettings;
  /** The whole configuration with its history, as text. */
  readonly text: string;
  /** Paths of all layers, also of what later ones delete. Reads the whole archive. */
  paths(): readonly string[];
}

function tar(args: readonly string[], input?: Buffer): Buffer {
  return execFileSync("tar", args, { maxBuffer: MAX_OUTPUT_BYTES, ...(input === undefined ? {} : { input }) });
}

export function openArchive(file: string): ImageArchive {
  const member = (name: string) => tar(["--extract", "--to-stdout", "--file", file, name]);
  const [manifest] = JSON.parse(member("manifest.json").toString()) as {
    readonly Config: string;
    readonly RepoTags: readonly string[];
    readonly Layers: readonly string[];
  }[];
  if (manifest === undefined) throw new Error(`${file} holds no image`);
  const text = member(manifest.Config).toString();
  return {
    names: manifest.RepoTags,
    settings: (JSON.parse(text) as { config: ImageSettings }).config,
    text,
    paths: () => manifest.Layers.flatMap((layer) => tar(["--list"], member(layer)).toString().trimEnd().split("\n")),
  };
}
