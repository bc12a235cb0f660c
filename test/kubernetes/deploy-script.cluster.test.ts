/**
 * deploy.sh against a real API server, without waiting for pods: what it refuses and that nothing was applied then, the secrets,
 * the memory of the namespace, replicas, and production's rules. No scheduler takes the pods, so they cost nothing.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { type CommandResult, run } from "../../scripts/cluster/command.ts";
import { findInPath } from "../../scripts/cluster/paths.ts";
import { type Cluster, onCluster } from "./harness/cluster.ts";
import { nameClients, type ScriptTree, scriptTree } from "./harness/deploy-script.ts";
import { openNamespace, type TestNamespace } from "./harness/namespace.ts";

/** Pods wait for a scheduler that is not there. */
const WAITING_PODS = ["Deployment", "StatefulSet"]
  .map(
    (kind) => `  - target:
      kind: ${kind}
    patch: |-
      - op: add
        path: /spec/template/spec/schedulerName
        value: nobody
`,
  )
  .join("");
const IMAGES = { REGISTRY: "localhost", IMAGE_TAG: "not-there" };
/** The guide's own line. */
const GUIDE_SECRETS = {
  DATABASE_USER: "algo_trader",
  DATABASE_PASSWORD: "SecurePass123",
  REDIS_PASSWORD: "SecurePass456",
  ALPACA_API_KEY: "your-key",
  ALPACA_SECRET_KEY: "your-secret",
};
const REAL_SECRETS = {
  DATABASE_USER: "algo_trader",
  DATABASE_PASSWORD: "kQ3vT8wZ",
  REDIS_PASSWORD: "mN7bX2cR",
  ALPACA_API_KEY: "PK0123456789",
  ALPACA_SECRET_KEY: "s3cr3t0123456789",
};

/** Exit 2, and one line of the script's own that says what is wrong. */
function assertRefused(result: CommandResult, words: RegExp): void {
  assert.equal(result.code, 2, result.stderr);
  const lines = result.stderr.split("\n").filter((line) => line.startsWith("deploy.sh: "));
  assert.equal(lines.length, 1, result.stderr);
  assert.match(lines[0] as string, words);
}

function assertDone(result: CommandResult): void {
  assert.equal(result.code, 0, result.stdout + result.stderr);
}

function createSecretLine(values: Readonly<Record<string, string>>): string[] {
  const literals = Object.entries(values).map(([key, value]) => `--from-literal=${key}=${value}`);
  return ["create", "secret", "generic", "algo-trading-secrets", ...literals];
}

await onCluster("deploy.sh", (cluster: Cluster) => {
  const used: TestNamespace[] = [];
  let tree: ScriptTree;

  before(() => {
    tree = newTree();
    nameClients(tree);
  });
  after(async () => {
    await Promise.all(used.map((namespace) => namespace.remove()));
    tree.remove();
  });

  function newTree(): ScriptTree {
    const made = scriptTree({ ...cluster.env, ...IMAGES });
    for (const environment of ["dev", "staging", "prod"])
      made.edit(`k8s/overlays/${environment}/kustomization.yaml`, "patches:\n", `patches:\n${WAITING_PODS}`);
    return made;
  }

  function newNamespace(): TestNamespace {
    const namespace = openNamespace(cluster, `deploy-script-${randomBytes(3).toString("hex")}`);
    used.push(namespace);
    return namespace;
  }

  const script = (namespace: TestNamespace, args: readonly string[], env: NodeJS.ProcessEnv = {}, of = tree) =>
    of.run([...args, "--namespace", namespace.name], env);

  async function isThere(namespace: TestNamespace): Promise<boolean> {
    const { stdout } = await cluster.kubectl([
      "get",
      "namespace",
      namespace.name,
      "--ignore-not-found",
      "--output=name",
    ]);
    return stdout !== "";
  }

  async function applied(namespace: TestNamespace): Promise<string> {
    return namespace.must([
      "get",
      "deployments,statefulsets,services,configmaps",
      "--output=name",
      "--selector=app.kubernetes.io/part-of=algo-trading",
    ]);
  }

  async function secret(namespace: TestNamespace, name = "algo-trading-secrets"): Promise<Record<string, string>> {
    const { data } = await namespace.get<{ data: Record<string, string> }>(["secret", name]);
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]),
    );
  }

  const field = (namespace: TestNamespace, resource: string, path: string) =>
    namespace.must(["get", resource, `--output=jsonpath=${path}`]);

  async function withNamespace(values: Readonly<Record<string, string>>): Promise<TestNamespace> {
    const namespace = newNamespace();
    await cluster.kubectl(["create", "namespace", namespace.name]);
    await namespace.must(createSecretLine(values));
    return namespace;
  }

  it("refuses staging and production without a secret, and makes nothing", async () => {
    for (const environment of ["staging", "prod"]) {
      const namespace = newNamespace();
      const result = await script(namespace, [environment, "apply", "--timeout", "0"]);
      assertRefused(
        result,
        /secret algo-trading-secrets has no real value for DATABASE_PASSWORD REDIS_PASSWORD ALPACA_API_KEY ALPACA_SECRET_KEY: edit k8s\/base\/k8s-deployment\.yaml, or /,
      );
      assert.equal(await isThere(namespace), false);
    }
  });

  it("refuses the placeholders of the guide outside development", async () => {
    const namespace = await withNamespace(GUIDE_SECRETS);
    const result = await script(namespace, ["staging", "apply", "--timeout", "0"]);
    assertRefused(result, /no real value for DATABASE_PASSWORD REDIS_PASSWORD ALPACA_API_KEY ALPACA_SECRET_KEY/);
    assert.equal(await applied(namespace), "");
  });

  const broken: readonly (readonly [string, string, string, RegExp])[] = [
    ["an unknown field", "  minReadySeconds: 15", "  minReadySecond: 15", /does not validate: .*minReadySecond/],
    [
      "a value that is none",
      "              cpu: 2000m",
      "              cpu: 2000mm",
      /does not validate: .*(2000mm|quantit)/,
    ],
    ["a name that is none", "name: algo-trading-bot-metrics", "name: Metrics", /does not validate: .*Metrics/],
  ];
  for (const [what, from, to, words] of broken) {
    it(`refuses a manifest with ${what}, in a namespace that is there and in one that is not`, async () => {
      const copy = newTree();
      try {
        copy.edit("k8s-deployment.yaml", from, to);
        nameClients(copy);
        const namespace = await withNamespace(REAL_SECRETS);
        assertRefused(await script(namespace, ["prod", "apply", "--timeout", "0"], {}, copy), words);
        assert.equal(await applied(namespace), "");
        if (to.includes("2000mm")) return;
        const absent = newNamespace();
        assertRefused(await script(absent, ["dev", "apply", "--timeout", "0"], {}, copy), words);
        const { stdout } = await absent.kubectl(["get", "deployments,services,secrets", "--output=name"]);
        assert.equal(stdout, "");
      } finally {
        copy.remove();
      }
    });
  }

  it("keeps the values of the guide's line in development", async () => {
    const namespace = await withNamespace(GUIDE_SECRETS);
    assertDone(await script(namespace, ["dev", "apply", "--timeout", "0"]));
    assert.deepEqual(await secret(namespace), GUIDE_SECRETS);
  });

  it("makes the secrets of development once, and never shows a value", async () => {
    const namespace = newNamespace();
    const first = await script(namespace, ["dev", "apply", "--timeout", "0"]);
    assertDone(first);
    const values = await secret(namespace);
    const internal = await secret(namespace, "postgres-internal");
    assert.deepEqual(Object.keys(values).sort(), Object.keys(REAL_SECRETS).sort());
    assert.equal(values["DATABASE_USER"], "algo_trader");
    assert.deepEqual(Object.keys(internal).sort(), ["REPLICATION_PASSWORD", "REWIND_PASSWORD", "SUPERUSER_PASSWORD"]);
    const second = await script(namespace, ["dev", "apply", "--timeout", "0"]);
    assertDone(second);
    assert.deepEqual(await secret(namespace), values);
    assert.deepEqual(await secret(namespace, "postgres-internal"), internal);
    const shown = await script(namespace, ["dev", "secrets"]);
    assert.match(shown.stdout, /^DATABASE_PASSWORD +set$/m);
    const said = [first, second, shown].map(({ stdout, stderr }) => stdout + stderr).join("");
    const { DATABASE_USER: _user, ...passwords } = values;
    for (const value of [...Object.values(passwords), ...Object.values(internal)]) assert.ok(!said.includes(value));
  });

  it("takes the secret of k8s-deployment.yaml once somebody has edited it", async () => {
    const namespace = newNamespace();
    const copy = newTree();
    try {
      for (const [key, value] of Object.entries(REAL_SECRETS).slice(1))
        copy.edit("k8s-deployment.yaml", `${key}: CHANGE_ME`, `${key}: ${value}`);
      assertDone(await script(namespace, ["staging", "apply", "--timeout", "0"], {}, copy));
      assert.deepEqual(await secret(namespace), REAL_SECRETS);
    } finally {
      copy.remove();
    }
  });

  it("refuses another password than the one that the volumes have been made with", async () => {
    const namespace = newNamespace();
    assertDone(await script(namespace, ["dev", "apply", "--timeout", "0"]));
    const before_ = await secret(namespace);
    const result = await script(namespace, ["dev", "secrets", "set", "DATABASE_PASSWORD"], {
      DATABASE_PASSWORD: "other",
    });
    assertRefused(
      result,
      /DATABASE_PASSWORD is in use by the data services: \.\/deploy\.sh dev secrets rotate DATABASE_PASSWORD/,
    );
    await namespace.must(["delete", "secret", "postgres-internal"]);
    assertRefused(
      await script(namespace, ["dev", "apply", "--timeout", "0"]),
      /the secret postgres-internal, which opens it, is not/,
    );
    assert.deepEqual(await secret(namespace), before_);
  });

  it("sets keys from the environment and from files, and refuses what is unset or unknown", async () => {
    const namespace = newNamespace();
    const folder = mkdtempSync(join(tmpdir(), "secrets-"));
    try {
      writeFileSync(join(folder, "key"), "PK-from-a-file\n");
      const { ALPACA_API_KEY: _key, ...rest } = REAL_SECRETS;
      const env = { ...rest, ALPACA_API_KEY_FILE: join(folder, "key") };
      const all = ["staging", "secrets", "set", ...Object.keys(REAL_SECRETS)];
      assertRefused(
        await script(namespace, all, rest),
        /ALPACA_API_KEY is not set: give its value in the environment variable/,
      );
      assertRefused(
        await script(namespace, ["staging", "secrets", "set", "ALPACA_KEY"]),
        /there is no key 'ALPACA_KEY'/,
      );
      assertRefused(
        await script(namespace, all, { ...env, REDIS_PASSWORD: "CHANGE_ME" }),
        /REDIS_PASSWORD is a placeholder/,
      );
      assert.equal(await isThere(namespace), false);
      assertDone(await script(namespace, all, env));
      assert.deepEqual(await secret(namespace), { ...REAL_SECRETS, ALPACA_API_KEY: "PK-from-a-file" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("refuses docker.io without a user when nobody is logged in", async () => {
    const namespace = newNamespace();
    const home = mkdtempSync(join(tmpdir(), "home-"));
    try {
      const env = {
        REGISTRY: "docker.io",
        HOME: home,
        DOCKER_CONFIG: home,
        XDG_RUNTIME_DIR: home,
        REGISTRY_AUTH_FILE: join(home, "auth.json"),
      };
      const args = ["dev", "apply", "--timeout", "0"];
      assertRefused(
        await script(namespace, args, env),
        /docker\.io without a user, and nobody is logged in: docker login, or set REGISTRY/,
      );
      assert.equal(await isThere(namespace), false);
      const auth = Buffer.from("desk:token").toString("base64");
      writeFileSync(
        join(home, "config.json"),
        JSON.stringify({ auths: { "https://index.docker.io/v1/": { auth } } }, null, 2),
      );
      assertDone(await script(namespace, args, env));
      const image = await field(namespace, "deployment/algo-trading-bot", "{.spec.template.spec.containers[0].image}");
      assert.equal(image, "docker.io/desk/algo-trading-bot:not-there");
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  const noBuildah = findInPath("buildah") === null && "buildah is not installed";
  it("builds the images, and applies nothing when they cannot be pushed", { skip: noBuildah }, async () => {
    const namespace = newNamespace();
    const copy = newTree();
    try {
      const storage = { driver: "vfs", graphroot: join(copy.folder, "graph"), runroot: join(copy.folder, "run") };
      const lines = Object.entries(storage).map(([key, value]) => `${key} = "${value}"`);
      copy.write("storage.conf", ["[storage]", ...lines, ""].join("\n"));
      copy.write("Dockerfile", "FROM scratch\nCOPY deploy.sh /\n");
      mkdirSync(join(copy.folder, "deploy/images/postgres"), { recursive: true });
      copy.write("deploy/images/postgres/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
      const env = { IMAGE_BUILDER: "buildah", CONTAINERS_STORAGE_CONF: join(copy.folder, "storage.conf") };
      const plan = await script(namespace, ["dev", "deploy", "--dry-run"], env, copy);
      assertDone(plan);
      const steps = plan.stderr.match(/^(building|pushing|would apply)/gm);
      assert.deepEqual(steps, ["building", "building", "pushing", "pushing", "would apply"]);
      const nobodyListens = ["--registry", "127.0.0.1:1"];
      const result = await script(namespace, ["dev", "deploy", ...nobodyListens], env, copy);
      assert.equal(result.code, 1, result.stderr);
      assert.match(
        result.stderr,
        /pushing 127\.0\.0\.1:1\/algo-trading-bot:not-there failed: is buildah logged in there/,
      );
      const built = await run("buildah", ["images", "--format", "{{.Name}}:{{.Tag}}"], {
        env: { ...process.env, ...env },
      });
      assert.match(built.stdout, /^127\.0\.0\.1:1\/algo-trading-bot:not-there$/m);
      assert.equal(await isThere(namespace), false);
    } finally {
      copy.remove();
    }
  });

  it("says what to do about an image that cannot be pulled", async () => {
    const namespace = newNamespace();
    const copy = scriptTree({ ...cluster.env, ...IMAGES });
    try {
      const { code, stderr } = await script(namespace, ["dev", "apply", "--timeout", "120"], {}, copy);
      assert.equal(code, 1, stderr);
      assert.match(
        stderr,
        /localhost\/algo-trading-postgres:not-there cannot be pulled\. \.\/deploy\.sh dev deploy builds/,
      );
      assert.match(stderr, /Warning Failed: Failed to pull image/);
    } finally {
      copy.remove();
      await namespace.remove();
    }
  });

  it("does not put settings back that were edited on the cluster, until it is told to", async () => {
    const namespace = newNamespace();
    assertDone(await script(namespace, ["dev", "apply", "--timeout", "0"]));
    await namespace.must(["patch", "configmap", "algo-trading-config", "--patch", '{"data": {"LOG_LEVEL": "ERROR"}}']);
    const level = () => field(namespace, "configmap/algo-trading-config", "{.data.LOG_LEVEL}");
    assertRefused(
      await script(namespace, ["dev", "apply", "--timeout", "0"]),
      /edited on the cluster: \.data\.LOG_LEVEL of a ConfigMap\. Put it into k8s\/, too, or let it go with --overwrite/,
    );
    assert.equal(await level(), "ERROR");
    assertDone(await script(namespace, ["dev", "apply", "--timeout", "0", "--overwrite"]));
    assert.equal(await level(), "DEBUG");
  });

  it("starts with three replicas under an autoscaler, and never resets them", async () => {
    const namespace = await withNamespace(REAL_SECRETS);
    const replicas = () => field(namespace, "deployment/algo-trading-bot", "{.spec.replicas}");
    assertDone(await script(namespace, ["staging", "apply", "--timeout", "0"]));
    assert.equal(await replicas(), "3");
    assertRefused(await script(namespace, ["staging", "scale", "6"]), /the autoscaler keeps 3 to 5 replicas/);
    assertRefused(await script(namespace, ["staging", "scale", "many"]), /'many' is no number of replicas/);
    assertDone(await script(namespace, ["staging", "scale", "4", "--timeout", "0"]));
    assertDone(await script(namespace, ["staging", "apply", "--timeout", "0"]));
    assert.equal(await replicas(), "4");
  });

  it("keeps the image that is deployed, whatever the tag would be now", async () => {
    const namespace = newNamespace();
    assertDone(await script(namespace, ["dev", "apply", "--timeout", "0"]));
    await namespace.must([
      "set",
      "image",
      "deployment/algo-trading-bot",
      "algo-trading-bot=myregistry/algo-trading-bot:v2",
    ]);
    assertDone(await script(namespace, ["dev", "apply", "--timeout", "0"], { IMAGE_TAG: "" }));
    const image = await field(namespace, "deployment/algo-trading-bot", "{.spec.template.spec.containers[0].image}");
    assert.equal(image, "myregistry/algo-trading-bot:v2");
  });

  it("remembers whose the namespace is, and hands it over only with --switch, removing what is too much", async () => {
    const namespace = await withNamespace(REAL_SECRETS);
    assertDone(await script(namespace, ["dev", "apply", "--timeout", "0"]));
    for (const action of ["apply", "status", "delete"])
      assertRefused(await script(namespace, ["prod", action]), new RegExp(`the namespace ${namespace.name} is dev's`));
    assertRefused(await script(namespace, ["prod", "apply", "--switch"]), /nobody can be asked here, so say --yes/);
    assert.match(await applied(namespace), /algo-trading-simulator/);
    assertDone(await script(namespace, ["prod", "apply", "--switch", "--yes", "--timeout", "0"]));
    assert.doesNotMatch(await applied(namespace), /algo-trading-simulator/);
    await namespace.must(["get", "horizontalpodautoscaler", "algo-trading-bot-hpa"]);
    await namespace.must(["get", "persistentvolumeclaim", "algo-trading-simulator"]);
    assertRefused(await script(namespace, ["dev", "apply"]), new RegExp(`the namespace ${namespace.name} is prod's`));
    assert.deepEqual(await secret(namespace), REAL_SECRETS);
  });

  it("lets Patroni in production reach the API server's addresses only", async () => {
    const namespace = await withNamespace(REAL_SECRETS);
    assertDone(await script(namespace, ["prod", "apply", "--timeout", "0"]));
    const blocks = await field(namespace, "networkpolicy/postgres-api-server", "{.spec.egress[*].to[*].ipBlock.cidr}");
    const address = await cluster.kubectl([
      "get",
      "endpointslices",
      "--namespace=default",
      "--selector=kubernetes.io/service-name=kubernetes",
      "--output=jsonpath={.items[*].endpoints[*].addresses[*]}",
    ]);
    const service = await cluster.kubectl([
      "get",
      "service",
      "kubernetes",
      "--namespace=default",
      "--output=jsonpath={.spec.clusterIP}",
    ]);
    assert.deepEqual(blocks.split(" ").sort(), [`${address.stdout}/32`, `${service.stdout}/32`].sort());
  });

  it("demands the clients' networks in production", async () => {
    const namespace = await withNamespace(REAL_SECRETS);
    const copy = newTree();
    try {
      assertRefused(await script(namespace, ["prod", "apply"], {}, copy), /k8s\/overlays\/prod still has CHANGE_ME/);
      copy.edit("k8s/overlays/prod/kustomization.yaml", "  - path: load-balancer.yaml\n", "");
      copy.edit("k8s/overlays/prod/clients.yaml", "CHANGE_ME", "198.51.100.0/24");
      assertRefused(
        await script(namespace, ["prod", "apply"], {}, copy),
        /production needs loadBalancerSourceRanges on the Service algo-trading-bot-api/,
      );
      assert.equal(await applied(namespace), "");
    } finally {
      copy.remove();
    }
  });

  it("shows what an apply would change, and changes nothing with --dry-run", async () => {
    const namespace = newNamespace();
    const absent = await script(namespace, ["dev", "apply", "--dry-run"]);
    assertDone(absent);
    assert.match(absent.stdout, /^deployment\/algo-trading-bot$/m);
    assert.equal(await isThere(namespace), false);
    assertDone(await script(namespace, ["dev", "apply", "--timeout", "0"]));
    const none = await script(namespace, ["dev", "diff"], { IMAGE_TAG: "" });
    assertDone(none);
    assert.equal(none.stdout, "");
    const other = await script(namespace, ["dev", "diff"], { IMAGE_TAG: "another" });
    assertDone(other);
    assert.match(
      other.stdout,
      /^-.*image: localhost\/algo-trading-bot:not-there\n\+.*image: localhost\/algo-trading-bot:another$/m,
    );
  });

  it("refuses what is no dump of a database, or a part of one", async () => {
    const namespace = newNamespace();
    const folder = mkdtempSync(join(tmpdir(), "dump-"));
    try {
      assertDone(await script(namespace, ["dev", "apply", "--timeout", "0"]));
      writeFileSync(join(folder, "notes.sql"), "DROP TABLE orders;\n");
      writeFileSync(
        join(folder, "part.sql"),
        "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE orders (seq bigint);\n",
      );
      const restore = (file: string) => script(namespace, ["dev", "restore", join(folder, file), "--yes"]);
      assertRefused(await restore("absent.sql"), /there is no file .*absent\.sql to read/);
      assertRefused(await restore("notes.sql"), /notes\.sql is no dump of a database/);
      assertRefused(await restore("part.sql"), /part\.sql is cut off/);
      assertRefused(
        await script(namespace, ["dev", "backup", join(folder, "notes.sql")]),
        /notes\.sql is there already/,
      );
      assert.equal(await field(namespace, "deployment/algo-trading-bot", "{.spec.replicas}"), "3");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("deletes nothing without being told to, and no data without --volumes", async () => {
    const namespace = newNamespace();
    assertDone(await script(namespace, ["dev", "apply", "--timeout", "0"]));
    const all = await applied(namespace);
    assertRefused(await script(namespace, ["dev", "delete"]), /nobody can be asked here, so say --yes/);
    assertDone(await script(namespace, ["dev", "delete", "--dry-run"]));
    assert.equal(await applied(namespace), all);
    const result = await script(namespace, ["dev", "delete", "--yes"]);
    assertDone(result);
    assert.match(result.stderr, /open orders could not be read from the database/);
    assert.equal(await applied(namespace), "");
    assert.equal(Object.keys(await secret(namespace)).length, 5);
    assert.match(await namespace.must(["get", "persistentvolumeclaims", "--output=name"]), /data-postgres-0/);
    assertDone(await script(namespace, ["dev", "delete", "--yes", "--volumes"]));
    assert.equal(await isThere(namespace), false);
  });

  const noTerminal = findInPath("script") === null && "the program script, which makes a terminal, is not there";
  it("asks for the namespace's name on a terminal", { skip: noTerminal }, async () => {
    const namespace = newNamespace();
    assertDone(await script(namespace, ["dev", "apply", "--timeout", "0"]));
    const onTerminal = (answer: string) => {
      const command = `${join(tree.folder, "deploy.sh")} dev delete --namespace ${namespace.name}`;
      const env = { ...cluster.env, ...IMAGES };
      return run("script", ["--quiet", "--return", "--command", command, "/dev/null"], { env, input: `${answer}\n` });
    };
    const other = await onTerminal("yes");
    assert.equal(other.code, 2);
    assert.match(other.stdout, /that was not deploy-script-[0-9a-f]+: nothing was changed/);
    assert.match(await applied(namespace), /deployment\.apps\/algo-trading-bot/);
    const right = await onTerminal(namespace.name);
    assert.equal(right.code, 0, right.stdout);
    assert.equal(await applied(namespace), "");
  });

  it("says that nothing is deployed yet", async () => {
    const namespace = newNamespace();
    for (const action of ["status", "logs", "port-forward", "rollout", "rollback", "delete"])
      assertRefused(await script(namespace, ["dev", action]), new RegExp(`there is no namespace ${namespace.name}`));
    await cluster.kubectl(["create", "namespace", namespace.name]);
    for (const action of ["status", "port-forward", "rollout"])
      assertRefused(await script(namespace, ["dev", action]), /deployed in .* yet: \.\/deploy\.sh dev apply/);
  });

  it("finds a cluster fit with doctor, and a namespace that is another environment's not", async () => {
    const namespace = newNamespace();
    const fit = await script(namespace, ["dev", "doctor"]);
    assertDone(fit);
    for (const line of fit.stdout.trimEnd().split("\n")) assert.match(line, /^(ok|note) {2,}\S/);
    assertDone(await script(namespace, ["dev", "apply", "--timeout", "0"]));
    const unfit = await script(namespace, ["staging", "doctor"]);
    assert.equal(unfit.code, 1);
    assert.match(unfit.stdout, new RegExp(`^BAD +the namespace ${namespace.name} is dev's`, "m"));
    assert.match(unfit.stdout, /^BAD +something is wrong with what is deployed/m);
  });
});
