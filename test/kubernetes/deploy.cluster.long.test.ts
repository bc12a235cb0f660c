/**
 * The guide's `./deploy.sh prod deploy`, whole, from a checkout: builds the images, pushes them to a registry, and pods pull them from
 * there; then again for the next commit. The registry and the bases of the images are the test cluster's; the simulator is the broker.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, it } from "node:test";
import { withBuildTerms } from "../../scripts/cluster/images.ts";
import { say } from "../../scripts/cluster/progress.ts";
import { type Cluster, onCluster } from "./harness/cluster.ts";
import { type Checkout, checkout, nameClients, tradeSimulator } from "./harness/deploy-script.ts";
import { whyNoImages } from "./harness/images.ts";
import { explainFailures, openNamespace } from "./harness/namespace.ts";

const DEPLOY_MS = 1_200_000;
const SECRETS = ["DATABASE_PASSWORD", "REDIS_PASSWORD", "ALPACA_API_KEY", "ALPACA_SECRET_KEY"];
const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

interface ImageConfig {
  readonly config: { readonly Labels: Readonly<Record<string, string>> };
}

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly deletionTimestamp?: string };
    readonly spec: { readonly containers: readonly { readonly image: string }[] };
    readonly status: { readonly containerStatuses: readonly { readonly imageID: string; readonly ready: boolean }[] };
  }[];
}

await onCluster("building, pushing and deploying", (cluster: Cluster) => {
  const skip = cluster.isLocal ? (whyNoImages() ?? false) : "only the project's own cluster has a registry for tests";
  const name = `deploy-${randomBytes(3).toString("hex")}`;
  const namespace = openNamespace(cluster, name);
  let tree: Checkout;
  let registry: string;
  let commit: string;
  explainFailures(() => namespace);

  before(async () => {
    if (skip !== false) return;
    registry = await cluster.registry();
    tree = await checkout(cluster.env);
    tree.edit("deploy.sh", 'REGISTRY="docker.io"', `REGISTRY="${registry}"`);
    tree.edit("deploy.sh", 'NAMESPACE="algo-trading"', `NAMESPACE="${name}"`);
    tradeSimulator(tree, "prod");
    nameClients(tree);
    commit = await tree.commit("Our registry, our namespace, our clients");
    await namespace.must(["create", "namespace", name]);
    const values = SECRETS.map((key) => `--from-literal=${key}=${randomBytes(9).toString("hex")}`);
    const user = "--from-literal=DATABASE_USER=algo_trader";
    await namespace.must(["create", "secret", "generic", "algo-trading-secrets", user, ...values]);
  });
  after(async () => {
    if (skip === false) await namespace.remove();
    tree?.remove();
  });

  /** Gives what it said. */
  async function deploy(): Promise<string> {
    // Docker takes a registry of this machine without TLS as it is; the libraries of buildah and podman have to be told.
    tree.write(".git/registries.conf", `[[registry]]\nlocation = "${registry}"\ninsecure = true\n`);
    const { code, stdout, stderr } = await withBuildTerms(say, ({ options, env }) =>
      tree.run(["prod", "deploy"], {
        ...env,
        IMAGE_BUILD_OPTIONS: options.join(" "),
        CONTAINERS_REGISTRIES_CONF: `${tree.folder}/.git/registries.conf`,
      }),
    );
    assert.equal(code, 0, stdout + stderr);
    return stdout + stderr;
  }

  /** Name and digest of the image of every pod of this workload; each is ready. */
  async function running(workload: string): Promise<readonly (readonly (string | undefined)[])[]> {
    const { items } = await namespace.get<Pods>(["pods", `--selector=app.kubernetes.io/name=${workload}`]);
    // Pods that a rollout has replaced are there for a while yet.
    const current = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    assert.ok(current.every(({ status }) => status.containerStatuses[0]?.ready));
    // The name in the status is any of those that the node knows the same image by.
    return current.map(({ spec, status }) => [spec.containers[0]?.image, status.containerStatuses[0]?.imageID]);
  }

  const blob = (repository: string, path: string, method = "GET") =>
    fetch(`http://${registry}/v2/${repository}/${path}`, { method, headers: { accept: MANIFEST } });

  async function digest(repository: string, tag: string): Promise<string> {
    const response = await blob(repository, `manifests/${tag}`, "HEAD");
    assert.equal(response.status, 200, `${repository}:${tag} in the registry`);
    return `${registry}/${repository}@${response.headers.get("docker-content-digest")}`;
  }

  async function versionOf(repository: string, tag: string): Promise<string | undefined> {
    const manifest = (await (await blob(repository, `manifests/${tag}`)).json()) as { config: { digest: string } };
    const image = (await (await blob(repository, `blobs/${manifest.config.digest}`)).json()) as ImageConfig;
    return image.config.Labels["org.opencontainers.image.version"];
  }

  it("builds and pushes both images, and pods run what was pushed", { skip, timeout: DEPLOY_MS }, async () => {
    const said = await deploy();
    assert.match(said, /What is wrong\n {2}nothing\n/);
    for (const repository of ["algo-trading-bot", "algo-trading-postgres"])
      assert.equal(await versionOf(repository, commit), commit, "the label says which commit it is");
    const bots = await running("algo-trading-bot");
    const bot = [`${registry}/algo-trading-bot:${commit}`, await digest("algo-trading-bot", commit)];
    assert.deepEqual(bots, [bot, bot, bot]);
    const postgres = [`${registry}/algo-trading-postgres:${commit}`, await digest("algo-trading-postgres", commit)];
    assert.deepEqual(await running("postgres"), [postgres, postgres]);
  });

  it("rolls the next commit out, and leaves a database whose files are the same alone", {
    skip,
    timeout: DEPLOY_MS,
  }, async () => {
    const postgres = await running("postgres");
    tree.write("NOTICE", `${tree.read("NOTICE")}\nChanged by its user.\n`);
    const next = await tree.commit("Our notice");
    const said = await deploy();
    assert.match(said, /the Postgres image stays/);
    const bot = [`${registry}/algo-trading-bot:${next}`, await digest("algo-trading-bot", next)];
    assert.deepEqual(await running("algo-trading-bot"), [bot, bot, bot]);
    assert.deepEqual(await running("postgres"), postgres);
  });

  it("refuses to deploy what is not committed", { skip }, async () => {
    tree.write("NOTICE", "not committed\n");
    const { code, stderr } = await tree.run(["prod", "deploy"], { IMAGE_BUILDER: "buildah" });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /files are changed that are not committed/);
  });
});
