/** Writes an image archive of one program without any container tool, for the cluster's own images. */
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { must } from "./command.ts";

/** The layer is the same for the same program: names sorted, no times, no owners. */
const REPRODUCIBLE = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];

/** An image named `image` that holds a static `program` at its root and runs it as `user`; `file` is a docker-archive. */
export async function writeImageArchive(file: string, image: string, program: string, user: string): Promise<void> {
  const folder = `${file}.parts`;
  const name = basename(program);
  mkdirSync(join(folder, "root"), { recursive: true });
  try {
    copyFileSync(program, join(folder, "root", name));
    chmodSync(join(folder, "root", name), 0o755);
    await must("tar", [...REPRODUCIBLE, "-C", join(folder, "root"), "-cf", join(folder, "layer.tar"), name]);
    const digest = createHash("sha256")
      .update(readFileSync(join(folder, "layer.tar")))
      .digest("hex");
    const config = {
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: { Entrypoint: [`/${name}`], User: user, WorkingDir: "/" },
      rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
    };
    const manifest = [{ Config: "config.json", RepoTags: [image], Layers: ["layer.tar"] }];
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
    await must("tar", [...REPRODUCIBLE, "-C", folder, "-cf", file, "manifest.json", "config.json", "layer.tar"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
