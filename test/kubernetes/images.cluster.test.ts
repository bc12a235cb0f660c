/**
 * The images as they are built, and as the restricted profile runs them: what is in them and what is not, whom they run as, how
 * they end, and the guide's lines for Redis and PostgreSQL in them against real servers.
 */
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { run } from "../../scripts/cluster/command.ts";
import { type ImageArchive, openArchive } from "./harness/archive.ts";
import { type Cluster, onCluster } from "./harness/cluster.ts";
import {
  BOT_IMAGE,
  BROKEN_BOT_IMAGE,
  buildTestImages,
  NEXT_BOT_IMAGE,
  POSTGRES_IMAGE,
  REDIS_IMAGE,
  whyNoImages,
} from "./harness/images.ts";
import { createNamespace, explainFailures, type TestNamespace } from "./harness/namespace.ts";
import { eventually } from "./harness/wait.ts";

const READY_MS = 180_000;
const END_MS = 60_000;
/** With what shells and files take amiss. */
const SECRETS = {
  DATABASE_USER: "algo_trader",
  DATABASE_PASSWORD: `pass 'word" $HOME \\n #1`,
  REDIS_PASSWORD: `redis 'pass" $PATH \\t`,
};
const REDIS_PING = ["redis-cli", "-h", "redis-0.redis-service", "ping"];
const PSQL = ["psql", "-h", "postgres-0.postgres-service", "-U", "algo_trader", "-d", "algo_trading_db"];

interface PodSettings {
  readonly image: string;
  readonly user: number;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly service?: string;
  readonly secrets?: boolean;
}

/** A pod at the restricted profile with a read-only root. */
function pod(name: string, { image, user, command, args, service, secrets = true }: PodSettings): object {
  const mounts = { tmp: "/tmp", data: "/data", ...(secrets ? { secrets: "/etc/algo-trading/secrets" } : {}) };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { service: service ?? "none" } },
    spec: {
      ...(service === undefined ? {} : { hostname: name, subdomain: service }),
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: user,
        runAsGroup: user,
        fsGroup: user,
        seccompProfile: { type: "RuntimeDefault" },
      },
      containers: [
        {
          name: "it",
          image,
          imagePullPolicy: "Never",
          ...(command === undefined ? {} : { command }),
          ...(args === undefined ? {} : { args }),
          resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { cpu: "1", memory: "512Mi" } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          volumeMounts: Object.entries(mounts).map(([volume, mountPath]) => ({ name: volume, mountPath })),
        },
      ],
      volumes: [
        { name: "tmp", emptyDir: {} },
        { name: "data", emptyDir: {} },
        ...(secrets ? [{ name: "secrets", secret: { secretName: "algo-trading-secrets" } }] : []),
      ],
    },
  };
}

function serviceOf(name: string, of: string, port: number, headless: boolean): object {
  const spec = { ...(headless ? { clusterIP: "None" } : {}), selector: { service: of }, ports: [{ port }] };
  return { apiVersion: "v1", kind: "Service", metadata: { name }, spec };
}

/** A server with the guide's database and role; the real programs make it, not the wrappers. */
const START_POSTGRES = `
bin=/usr/lib/postgresql/$PG_MAJOR/bin
initdb --pgdata /data/db --auth-local trust --auth-host scram-sha-256 >/dev/null
echo 'host all all all scram-sha-256' >>/data/db/pg_hba.conf
pg_ctl --pgdata /data/db --options "-k /tmp -h ''" --wait start >/dev/null
printf '%s\\n' "create role algo_trader login password :'password';" 'create database algo_trading_db owner algo_trader;' |
  $bin/psql -h /tmp -U postgres -v ON_ERROR_STOP=1 -v password="$(cat /etc/algo-trading/secrets/DATABASE_PASSWORD)"
pg_ctl --pgdata /data/db --wait stop >/dev/null
exec postgres -D /data/db -h '*' -k /tmp
`;

await onCluster("the images", (cluster: Cluster) => {
  const skip = whyNoImages() ?? false;
  let namespace: TestNamespace;
  let bot: ImageArchive;
  let archives: readonly (readonly [string, ImageArchive])[];
  explainFailures(() => namespace);

  const exec = (name: string, command: readonly string[], input = "") =>
    namespace.kubectl(["exec", "--stdin", name, "--", ...command], { input, timeoutMs: 30_000 });

  before(
    async () => {
      if (skip !== false) return;
      const images = await buildTestImages();
      archives = Object.entries(images).map(([name, file]) => [name, openArchive(file as string)] as const);
      bot = openArchive(images.bot);
      namespace = await createNamespace(cluster, "images", { "pod-security.kubernetes.io/enforce": "restricted" });
      const secret = {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "algo-trading-secrets" },
        stringData: SECRETS,
      };
      const items = [
        secret,
        serviceOf("redis-service", "redis-service", 6379, true),
        serviceOf("postgres-service", "postgres-service", 5432, true),
        serviceOf("postgres-primary", "postgres-service", 5432, false),
        pod("redis-0", {
          image: REDIS_IMAGE,
          user: 999,
          args: ["redis-server", "--requirepass", SECRETS.REDIS_PASSWORD],
          service: "redis-service",
        }),
        pod("postgres-0", {
          image: POSTGRES_IMAGE,
          user: 999,
          command: ["sh", "-eu", "-c", START_POSTGRES],
          service: "postgres-service",
        }),
        pod("other-postgres", { image: POSTGRES_IMAGE, user: 999, command: ["sleep", "infinity"] }),
        pod("bot", { image: BOT_IMAGE, user: 1000, args: ["simulator"] }),
        pod("without-secrets", { image: BOT_IMAGE, user: 1000, args: ["simulator"], secrets: false }),
      ];
      await namespace.wait("create", "serviceaccount/default", READY_MS);
      await namespace.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items }));
      for (const name of ["redis-0", "postgres-0", "other-postgres", "bot", "without-secrets"])
        await namespace.wait("condition=Ready", `pod/${name}`, READY_MS);
      await eventually("PostgreSQL", READY_MS, async () =>
        (await exec("bot", [...PSQL, "-c", "select 1"])).code === 0 ? true : null,
      );
    },
    { timeout: 1_200_000 },
  );
  after(() => namespace?.remove());

  it("say what they are made of", { skip }, () => {
    const labels = bot.settings.Labels ?? {};
    assert.equal(labels["org.opencontainers.image.title"], "algo-trading-bot");
    assert.match(labels["org.opencontainers.image.version"] ?? "", /^\d+\.\d+\.\d+/);
    assert.match(labels["org.opencontainers.image.revision"] ?? "", /^[0-9a-f]{40}(-dirty)?$/);
    assert.ok(!Number.isNaN(Date.parse(labels["org.opencontainers.image.created"] ?? "")));
    assert.deepEqual(bot.names, [BOT_IMAGE]);
    assert.deepEqual(Object.keys(bot.settings.ExposedPorts ?? {}).sort(), ["8000/tcp", "8001/tcp", "9090/tcp"]);
  });

  it("hold nothing of the machine that built them", { skip }, () => {
    for (const [name, archive] of archives.filter(([which]) => which !== "next" && which !== "broken")) {
      const suspicious = archive
        .paths()
        .filter(
          (path) =>
            /(^|\/)(\.?npmrc|_cacache|\.docker|\.netrc|machine[^/]*\.crt)$/.test(path) ||
            /^(\.\/)?(etc\/apt\/(apt\.conf\.d\/machine|auth\.conf\.d\/.+)|usr\/local\/etc\/.+|var\/lib\/apt\/lists\/.+|root\/\.npm.*)$/.test(
              path,
            ),
        );
      assert.deepEqual(suspicious, [], name);
      const names = archive.settings.Env.map((setting) => setting.split("=")[0] as string);
      assert.deepEqual(
        names.filter((variable) => /proxy|token|auth|registry|cert/i.test(variable)),
        [],
        name,
      );
      assert.doesNotMatch(archive.text, /_authToken|machine-certificates|https?:\/\/[^"/ ]*@/, name);
    }
  });

  it("bring the bot's clients and the certificates, but neither npm nor a compiler nor sources", { skip }, async () => {
    const which = "for name in psql redis-cli algo-trading-bot node; do command -v $name; done";
    const found = await exec("bot", ["sh", "-c", which]);
    const local = ["psql", "redis-cli", "algo-trading-bot", "node"].map((name) => `/usr/local/bin/${name}`);
    assert.deepEqual(found.stdout.trim().split("\n"), local);
    const absent = "for name in npm npx yarn corepack gcc cc g++ make python3 git curl wget; do command -v $name; done";
    assert.equal((await exec("bot", ["sh", "-c", `${absent}; true`])).stdout, "");
    assert.equal((await exec("bot", ["sh", "-c", "test -s /etc/ssl/certs/ca-certificates.crt"])).code, 0);
    assert.equal((await exec("bot", ["sh", "-c", "ls /app/src /app/node_modules/typescript"])).stdout, "");
    assert.match((await exec("bot", ["algo-trading-bot", "--version"])).stdout, /^algo-trading-bot \d+\.\d+\.\d+ /);
  });

  it("run the bot as user 1000 with a read-only root, no capabilities, and node as the first process", {
    skip,
  }, async () => {
    const { stdout } = await exec("bot", [
      "sh",
      "-c",
      "id -u; id -g; tr '\\0' ' ' </proc/1/cmdline; echo; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/1/status",
    ]);
    const [user, group, command, ...status] = stdout.trim().split("\n");
    assert.deepEqual([user, group, command], ["1000", "1000", "node dist/main.js simulator "]);
    const capabilities = status.filter((line) => line.startsWith("Cap")).map((line) => line.split("\t")[1]);
    assert.deepEqual(new Set(capabilities), new Set(["0000000000000000"]));
    assert.ok(status.includes("NoNewPrivs:\t1") && status.includes("Seccomp:\t2"), stdout);
    for (const place of ["/file", "/app/file", "/usr/local/bin/file"]) {
      const written = await exec("bot", ["sh", "-c", `touch ${place}`]);
      assert.match(written.stderr, /Read-only file system/, place);
    }
    assert.equal((await exec("bot", ["sh", "-c", "touch /tmp/file /data/file"])).code, 0);
  });

  it("answer the guide's Redis line with PONG", { skip }, async () => {
    const { stdout, stderr } = await exec("bot", REDIS_PING);
    assert.equal(stdout, "PONG\n");
    assert.equal(stderr, "");
  });

  it("connect by the guide's psql line without a prompt, with -c, by standard input and at a terminal", {
    skip,
  }, async () => {
    const once = await exec("bot", [...PSQL, "-tAc", "select current_user, current_database()"]);
    assert.equal(once.stdout, "algo_trader|algo_trading_db\n", once.stderr);
    const piped = await exec("bot", [...PSQL, "-tA"], "select 6 * 7;\n");
    assert.equal(piped.stdout, "42\n", piped.stderr);
    const words = ["exec", "--stdin", "--tty", `--namespace=${namespace.name}`, "bot", "--", ...PSQL];
    const terminal = await run(
      "script",
      ["--quiet", "--return", "--command", `kubectl ${words.join(" ")}`, "/dev/null"],
      {
        env: cluster.env,
        input: "\\pset pager off\nselect 'is it ' || 6 * 7 as answer;\n\\q\n",
        timeoutMs: 30_000,
      },
    );
    assert.match(terminal.stdout, /is it 42/);
    assert.match(terminal.stdout, /algo_trading_db=>/);
    assert.doesNotMatch(terminal.stdout, /Password/);
  });

  it("say which secret is missing and go on as the real command would", { skip }, async () => {
    const ping = await exec("without-secrets", REDIS_PING);
    assert.match(ping.stderr, /^redis-cli: cannot read \/etc\/algo-trading\/secrets\/REDIS_PASSWORD \(/);
    assert.match(ping.stdout, /^NOAUTH/);
    const query = await exec("without-secrets", [...PSQL, "-c", "select 1"]);
    assert.match(query.stderr, /^psql: cannot read \/etc\/algo-trading\/secrets\/DATABASE_USER \(/);
    assert.match(query.stderr, /psql: cannot read \/etc\/algo-trading\/secrets\/DATABASE_PASSWORD \(/);
    assert.match(query.stderr, /no password supplied/);
    assert.equal(query.code, 2);
    const told = await exec("without-secrets", ["env", `REDISCLI_AUTH=${SECRETS.REDIS_PASSWORD}`, ...REDIS_PING]);
    assert.deepEqual([told.stdout, told.stderr], ["PONG\n", ""], "a caller's own password goes first");
  });

  it("dump and restore by the guide's lines from a PostgreSQL pod that is not the primary", { skip }, async () => {
    const rows = "create table kept as select n, n * n as square from generate_series(1, 1000) n";
    assert.equal((await exec("bot", [...PSQL, "-c", rows])).code, 0);
    const dump = await exec("other-postgres", ["pg_dump", "-U", "algo_trader", "algo_trading_db"]);
    assert.equal(dump.code, 0, dump.stderr);
    assert.equal(dump.stderr, "");
    assert.equal((await exec("bot", [...PSQL, "-c", "drop table kept"])).code, 0);
    const restored = await exec("other-postgres", ["psql", "-U", "algo_trader", "algo_trading_db"], dump.stdout);
    assert.equal(restored.code, 0, restored.stderr);
    const sums = await exec("bot", [...PSQL, "-tAc", "select count(*), sum(square) from kept"]);
    assert.equal(sums.stdout, "1000|333833500\n");
  });

  it("hold Patroni, and PostgreSQL's programs where Patroni finds them", { skip }, async () => {
    const { stdout } = await exec("other-postgres", [
      "sh",
      "-c",
      'patroni --version; for name in postgres pg_ctl initdb pg_rewind pg_basebackup; do test -x "/usr/lib/postgresql/$PG_MAJOR/bin/$name" && echo $name; done',
    ]);
    assert.match(stdout, /^patroni \d+\.\d+\.\d+\npostgres\npg_ctl\ninitdb\npg_rewind\npg_basebackup\n$/);
  });

  it("end with 0 on SIGTERM", { skip }, async () => {
    await exec("without-secrets", ["node", "--eval", "process.kill(1, 'SIGTERM')"]);
    const path = "{.status.containerStatuses[0].state.terminated.exitCode}";
    const code = await eventually("the end", END_MS, async () => {
      return (await namespace.must(["get", "pod", "without-secrets", `--output=jsonpath=${path}`])) || null;
    });
    assert.equal(code, "0");
  });

  it("have two more of the bot: another version, and one that cannot start", { skip }, async () => {
    const [next, broken] = ["next", "broken"].map((name) => archives.find(([which]) => which === name)?.[1]);
    assert.equal(next?.settings.Labels?.["org.opencontainers.image.version"], "next");
    assert.deepEqual([next?.names, broken?.names], [[NEXT_BOT_IMAGE], [BROKEN_BOT_IMAGE]]);
    await namespace.apply(JSON.stringify(pod("broken", { image: BROKEN_BOT_IMAGE, user: 1000, args: ["start"] })));
    const path = "{.status.containerStatuses[0].state.terminated.exitCode}";
    const code = await eventually("the end", END_MS, async () => {
      return (await namespace.must(["get", "pod", "broken", `--output=jsonpath=${path}`])) || null;
    });
    assert.equal(code, "1");
  });
});
