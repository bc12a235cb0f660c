/** deploy.sh where no cluster is needed: wrong use, settings, tools, contexts, clusters that do not answer, and rendering. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, globSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseAllDocuments } from "yaml";
import type { CommandResult } from "../../scripts/cluster/command.ts";
import { findInPath, findKubectl } from "../../scripts/cluster/paths.ts";
import { type ScriptTree, scriptTree } from "./harness/deploy-script.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const SETTINGS = { REGISTRY: "registry.example/desk", IMAGE_TAG: "v1" };

interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: { readonly template?: { readonly spec: PodSpec } };
}

interface PodSpec {
  readonly containers: readonly Container[];
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly resources: { readonly limits: Record<string, string> };
}

/** Wrong use: exit 2, and one line that says what. */
function assertRefused(result: CommandResult, words: RegExp): void {
  assert.equal(result.code, 2, result.stderr);
  assert.match(result.stderr, words);
  assert.equal(result.stderr.trimEnd().split("\n").length, 1, result.stderr);
  assert.equal(result.stdout, "");
}

function resources(result: CommandResult): Resource[] {
  assert.equal(result.code, 0, result.stderr);
  return parseAllDocuments(result.stdout).map((document) => document.toJS() as Resource);
}

function containers(all: readonly Resource[]): Container[] {
  return all.flatMap(({ spec }) => spec?.template?.spec.containers ?? []);
}

function fingerprint(folder: string): string {
  const hash = createHash("sha256");
  for (const file of globSync("**/*.{yaml,sh}", { cwd: folder }).sort())
    hash.update(file).update(readFileSync(join(folder, file)));
  return hash.digest("hex");
}

describe("deploy.sh, used wrongly", () => {
  let tree: ScriptTree;
  before(() => {
    tree = scriptTree();
  });
  after(() => tree.remove());

  it("explains itself without arguments, and ends with 2", async () => {
    const { code, stdout } = await tree.run([]);
    assert.equal(code, 2);
    assert.match(stdout, /\.\/deploy\.sh ENVIRONMENT ACTION/);
  });

  it("explains every environment, action, option and setting with --help", async () => {
    const { code, stdout } = await tree.run(["--help"]);
    assert.equal(code, 0);
    const actions = ["deploy", "apply", "rollout", "status", "logs", "port-forward", "delete"];
    const more = ["render", "rollback", "scale", "backup", "restore", "secrets", "diff", "doctor"];
    const options = [
      "registry",
      "namespace",
      "tag",
      "context",
      "timeout",
      "load",
      "switch",
      "volumes",
      "dry-run",
      "yes",
    ];
    for (const word of ["dev", "staging", "prod", ...actions, ...more])
      assert.match(stdout, new RegExp(`^  ${word} `, "m"));
    for (const word of options) assert.match(stdout, new RegExp(`^  --${word} `, "m"));
    for (const word of ["REGISTRY", "NAMESPACE", "IMAGE_TAG", "IMAGE_BUILDER", "IMAGE_BUILD_OPTIONS"])
      assert.match(stdout, new RegExp(word));
  });

  const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["an unknown environment", ["qa", "apply"], /no environment 'qa': say one of dev staging prod$/m],
    ["an unknown action", ["dev", "launch"], /no action 'launch': say one of deploy apply rollout/],
    ["a missing action", ["dev"], /no action ''/],
    ["an unknown option", ["dev", "apply", "--force"], /no option --force: see \.\/deploy\.sh --help/],
    ["an option without its value", ["dev", "apply", "--tag"], /--tag needs a value/],
    [
      "an option that the action does not know",
      ["dev", "status", "--volumes"],
      /--volumes belongs to delete, not to status/,
    ],
    ["an argument too many", ["dev", "apply", "now"], /apply takes no argument: now/],
    ["a missing argument", ["dev", "restore"], /restore needs one FILE/],
    ["a bad tag", ["dev", "apply", "--tag", "v 1"], /image tag 'v 1' is none: letters, digits/],
    [
      "a bad namespace",
      ["dev", "apply", "--namespace", "Algo_Trading"],
      /namespace 'Algo_Trading' is none: small letters/,
    ],
    ["a bad registry", ["dev", "apply", "--registry", "https://docker.io"], /registry 'https:\/\/docker.io' is none/],
    ["a bad number of seconds", ["dev", "apply", "--timeout", "soon"], /--timeout 'soon' is no number of seconds/],
  ];
  for (const [what, args, words] of wrong) {
    it(`refuses ${what}`, async () => assertRefused(await tree.run(args), words));
  }

  it("refuses a bad tag from the environment", async () => {
    assertRefused(await tree.run(["dev", "render"], { IMAGE_TAG: "-v1" }), /image tag '-v1' is none/);
  });
});

describe("deploy.sh and the tools here", () => {
  let tree: ScriptTree;
  before(() => {
    tree = scriptTree();
  });
  after(() => tree.remove());

  it("says that kubectl is missing", async () => {
    assertRefused(
      await tree.run(["dev", "apply"], { KUBECTL: "kubectl-that-is-not-there" }),
      /kubectl is missing: install it/,
    );
  });

  it("refuses a kubectl older than 1.24", async () => {
    const old = join(tree.folder, "old-kubectl");
    tree.write("old-kubectl", `#!/bin/sh\necho '{"clientVersion": {"gitVersion": "v1.23.17"}}'\n`);
    chmodSync(old, 0o755);
    assertRefused(await tree.run(["dev", "apply"], { KUBECTL: old }), /kubectl is 1\.23\.17: 1\.24 or newer is needed/);
  });

  it("is clean under shellcheck", { skip: findInPath("shellcheck") === null && "shellcheck is not installed" }, () => {
    execFileSync("shellcheck", ["--external-sources", "--check-sourced", "deploy.sh"], { cwd: ROOT, stdio: "pipe" });
  });
});

const kubectl = findKubectl();

describe("deploy.sh and contexts", { skip: kubectl === null && "kubectl is not there" }, () => {
  let tree: ScriptTree;
  let server: Server;
  before(async () => {
    tree = scriptTree({ KUBECTL: kubectl ?? "" });
    server = createServer((_request, response) =>
      response.end('{"major": "1", "minor": "23", "gitVersion": "v1.23.4"}'),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  after(() => {
    server.close();
    tree.remove();
  });

  function kubeconfig(server_: string): NodeJS.ProcessEnv {
    const file = join(tree.folder, "kubeconfig");
    const context = "{name: desk, context: {cluster: desk, user: desk}}";
    tree.write(
      "kubeconfig",
      `{apiVersion: v1, kind: Config, current-context: desk, clusters: [{name: desk, cluster: {server: "${server_}"}}], ` +
        `users: [{name: desk, user: {}}], contexts: [${context}]}\n`,
    );
    return { KUBECONFIG: file };
  }

  it("says that there is no current context", async () => {
    const result = await tree.run(["dev", "status"], { KUBECONFIG: "/dev/null" });
    assertRefused(result, /kubectl has no current context: kubectl config use-context NAME/);
  });

  it("refuses a context that is not there", async () => {
    const result = await tree.run(["dev", "status", "--context", "moon"], kubeconfig("http://127.0.0.1:1"));
    assertRefused(result, /no context 'moon': kubectl config get-contexts lists those there are/);
  });

  it("says that the cluster does not answer", async () => {
    const result = await tree.run(["dev", "status"], kubeconfig("http://127.0.0.1:1"));
    assertRefused(
      result,
      /the cluster of context desk does not answer \(.*refused.*\): check the context and your network/,
    );
  });

  it("refuses a cluster older than 1.24", async () => {
    const result = await tree.run(
      ["dev", "status"],
      kubeconfig(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    );
    assertRefused(result, /the cluster is Kubernetes 1\.23\.4: 1\.24 or newer is needed/);
  });
});

describe("deploy.sh render", { skip: kubectl === null && "kubectl is not there" }, () => {
  let tree: ScriptTree;
  before(() => {
    tree = scriptTree({ KUBECTL: kubectl ?? "", KUBECONFIG: "/dev/null" });
  });
  after(() => tree.remove());

  for (const environment of ["dev", "staging", "prod"]) {
    it(`puts namespace, registry and tag into ${environment} without changing a file`, async () => {
      const untouched = fingerprint(tree.folder);
      const all = resources(await tree.run([environment, "render", "--namespace", "desk-7"], SETTINGS));
      for (const { kind, metadata } of all)
        assert.equal(kind === "Namespace" ? metadata.name : metadata.namespace, "desk-7", `${kind} ${metadata.name}`);
      const images = new Set(containers(all).map(({ image }) => image));
      assert.ok(images.has("registry.example/desk/algo-trading-bot:v1"));
      assert.ok(images.has("registry.example/desk/algo-trading-postgres:v1"));
      for (const image of images)
        assert.match(image, /^(registry\.example\/desk\/.*:v1|docker\.io\/library\/redis:.*)$/);
      assert.equal(fingerprint(tree.folder), untouched);
    });

    it(`renders no Secret for ${environment}`, async () => {
      const all = resources(await tree.run([environment, "render"], SETTINGS));
      assert.deepEqual(
        all.filter(({ kind }) => kind === "Secret"),
        [],
      );
    });
  }

  it("takes the settings at its top, the environment before them, and a flag before both", async () => {
    tree.edit("deploy.sh", 'REGISTRY="docker.io"', 'REGISTRY="top.example/a"');
    tree.edit("deploy.sh", 'NAMESPACE="algo-trading"', 'NAMESPACE="top"');
    tree.edit("deploy.sh", 'IMAGE_TAG=""', 'IMAGE_TAG="top"');
    const image = async (args: readonly string[], env: NodeJS.ProcessEnv) => {
      const all = resources(await tree.run(["dev", "render", ...args], env));
      const namespace = all.find(({ kind }) => kind === "Namespace")?.metadata.name;
      return `${namespace} ${containers(all).find(({ name }) => name === "algo-trading-bot")?.image}`;
    };
    const environment = { REGISTRY: "env.example/b", NAMESPACE: "env", IMAGE_TAG: "env" };
    assert.equal(await image([], {}), "top top.example/a/algo-trading-bot:top");
    assert.equal(await image([], environment), "env env.example/b/algo-trading-bot:env");
    const flags = ["--registry=flag.example:5000/c", "--namespace", "flag", "--tag", "flag"];
    assert.equal(await image(flags, environment), "flag flag.example:5000/c/algo-trading-bot:flag");
  });

  it("shows an edit of the memory limit in k8s-deployment.yaml in production", async () => {
    const copy = scriptTree({ KUBECTL: kubectl ?? "", KUBECONFIG: "/dev/null" });
    try {
      copy.edit("k8s-deployment.yaml", "memory: 4Gi", "memory: 8Gi");
      const all = resources(await copy.run(["prod", "render"], SETTINGS));
      assert.equal(containers(all).find(({ name }) => name === "algo-trading-bot")?.resources.limits["memory"], "8Gi");
    } finally {
      copy.remove();
    }
  });

  it("names the overlay that cannot be rendered", async () => {
    const copy = scriptTree({ KUBECTL: kubectl ?? "", KUBECONFIG: "/dev/null" });
    try {
      copy.write("k8s/overlays/staging/kustomization.yaml", "resources: [not-there.yaml]\n");
      assertRefused(
        await copy.run(["staging", "render"], SETTINGS),
        /k8s\/overlays\/staging cannot be rendered: .*not-there\.yaml/,
      );
    } finally {
      copy.remove();
    }
  });
});

describe("the tag of the images", { skip: kubectl === null && "kubectl is not there" }, () => {
  let tree: ScriptTree;
  before(() => {
    tree = scriptTree({ KUBECTL: kubectl ?? "", KUBECONFIG: "/dev/null", REGISTRY: "registry.example/desk" });
  });
  after(() => tree.remove());

  async function tag(): Promise<string | undefined> {
    const all = resources(await tree.run(["dev", "render"]));
    return containers(all)
      .find(({ name }) => name === "algo-trading-bot")
      ?.image.split(":")[1];
  }

  function git(...args: readonly string[]): string {
    const identity = ["-c", "user.name=desk", "-c", "user.email=desk@example.invalid"];
    return execFileSync("git", ["-C", tree.folder, ...identity, ...args], { encoding: "utf8", stdio: "pipe" }).trim();
  }

  it("has to be given where there is no commit", async () => {
    assertRefused(await tree.run(["dev", "render"]), /no git checkout, .*: set IMAGE_TAG or --tag/);
  });

  it("is the commit, and another one for every change that is not committed", async () => {
    git("init", "--quiet");
    git("add", "--all");
    git("commit", "--quiet", "--message", "all of it");
    const commit = git("rev-parse", "--short=12", "HEAD");
    assert.equal(await tag(), commit);
    const config = tree.read("k8s/base/kustomization.yaml");
    tree.write("k8s/base/kustomization.yaml", `${config}# one\n`);
    const one = await tag();
    tree.write("k8s/base/kustomization.yaml", `${config}# two\n`);
    const two = await tag();
    assert.match(one ?? "", new RegExp(`^${commit}-dirty-[0-9a-f]{8}$`));
    assert.match(two ?? "", new RegExp(`^${commit}-dirty-[0-9a-f]{8}$`));
    assert.notEqual(one, two);
  });
});

describe("the guide's settings", () => {
  it("are the first ones that somebody who edits deploy.sh finds", () => {
    const script = readFileSync(join(ROOT, "deploy.sh"), "utf8");
    assert.match(script, /^REGISTRY="docker.io" +# Your Docker registry/m);
    assert.match(script, /^NAMESPACE="algo-trading" +# Kubernetes namespace/m);
  });
});
