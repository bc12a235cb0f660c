/** PostgreSQL on a real cluster: no acknowledged commit is lost, and how long nobody can commit. The times are printed. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it, type TestContext } from "node:test";
import { crashPods, loseDisk, stopPods, takeAway } from "./data/faults.ts";
import { askPostgres, asSuperuser, databaseChecksum, other, PODS, settledPrimary } from "./data/postgres.ts";
import { applyStores, installStores, SECRETS, setSecret, whenMounted } from "./data/stores.ts";
import { typeIntoFile } from "./data/terminal.ts";
import { startWriter } from "./data/writer.ts";
import { onCluster } from "./harness/cluster.ts";
import { explainFailures, type TestNamespace } from "./harness/namespace.ts";
import { eventually } from "./harness/wait.ts";

/** The bot has to trade again within a minute: what is left of it after its own lease has to be enough. */
const FAIL_OVER_MS = 45_000;
const SETTLE_MS = 240_000;

await onCluster("PostgreSQL on a cluster", (cluster) => {
  let namespace: TestNamespace;
  explainFailures(() => namespace);
  before(async () => {
    namespace = await installStores(cluster, ["postgres"]);
  });
  const folder = mkdtempSync(join(tmpdir(), "bot-test-backup-"));
  after(async () => {
    rmSync(folder, { recursive: true });
    await namespace?.remove();
  });

  /** Commits while `fault` happens; nothing acknowledged may be missing afterwards. */
  const commitThrough = async (context: TestContext, fault: () => Promise<unknown>): Promise<void> => {
    const writer = await startWriter(namespace, "postgres");
    const began = performance.now();
    await fault();
    const primary = await settledPrimary(namespace, SETTLE_MS);
    const wholeMs = Math.round(performance.now() - began);
    const { acknowledged, lost, longestMs } = await writer.stop();
    context.diagnostic(`no commit for ${longestMs} ms; whole again after ${wholeMs} ms; ${acknowledged} commits`);
    assert.deepEqual(lost, []);
    assert.ok(longestMs < FAIL_OVER_MS, `no commit for ${longestMs} ms`);
    // What the standby has is what the primary has.
    const count = await askPostgres(namespace, `${primary}.postgres-service`, "SELECT count(*) FROM writes");
    await eventually("the same rows on the standby", 10_000, async () => {
      const host = `${other(primary)}.postgres-service`;
      return (await askPostgres(namespace, host, "SELECT count(*) FROM writes")) === count ? true : null;
    });
  };

  it("starts as a primary with a synchronous standby and the bot's role owning its database", async () => {
    const primary = await settledPrimary(namespace);
    const owner =
      "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'algo_trading_db'";
    assert.equal(await askPostgres(namespace, "postgres-0.postgres-service", owner), "algo_trader|UTF8");
    const rights =
      "SELECT rolsuper, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = 'algo_trader'";
    assert.equal(await askPostgres(namespace, "postgres-1.postgres-service", rights), "f|f|f|f");
    assert.equal(await asSuperuser(namespace, primary, "SHOW data_checksums"), "on");
    const unencrypted = "SELECT count(*) FROM pg_authid WHERE rolcanlogin AND rolpassword NOT LIKE 'SCRAM-SHA-256$%'";
    assert.equal(await asSuperuser(namespace, primary, unencrypted), "0");
  });

  it("lets nobody in from outside as superuser or without a password", async () => {
    const refused = async (user: string, password: string) => {
      const shell = `PGPASSWORD='${password}' psql -h postgres-primary -U ${user} -d postgres -c 'SELECT 1'`;
      const { code, stderr } = await namespace.kubectl(["exec", "client", "--", "sh", "-c", shell]);
      assert.notEqual(code, 0);
      return stderr;
    };
    assert.match(await refused("postgres", 'super"\\1'), /pg_hba.conf rejects connection/);
    assert.match(await refused("algo_trader", "wrong"), /password authentication failed/);
  });

  it("hands over before the primary's pod is stopped", async (context) => {
    const primary = await settledPrimary(namespace);
    await commitThrough(context, () => stopPods(namespace, primary));
    assert.equal(await settledPrimary(namespace), other(primary));
  });

  it("goes on after the primary's server was killed", async (context) => {
    const primary = await settledPrimary(namespace);
    const kill = "kill -9 $(head -n 1 /data/pgdata/postmaster.pid)";
    await commitThrough(context, () => namespace.must(["exec", primary, "--", "sh", "-c", kill]));
  });

  it("goes on after the primary's pod was lost", async (context) => {
    const primary = await settledPrimary(namespace);
    await commitThrough(context, () => crashPods(namespace, primary));
  });

  it("goes on after the standby's pod was lost", async (context) => {
    const primary = await settledPrimary(namespace);
    await commitThrough(context, () => crashPods(namespace, other(primary)));
    assert.equal(await settledPrimary(namespace), primary);
  });

  it("goes on after both pods were lost at once", async (context) => {
    await commitThrough(context, () => crashPods(namespace, ...PODS));
  });

  it("promotes the standby when the primary's disk is lost, and makes a new standby", async (context) => {
    const primary = await settledPrimary(namespace);
    await commitThrough(context, () => loseDisk(namespace, primary));
    assert.equal(await settledPrimary(namespace), other(primary));
  });

  it("makes a new standby when the standby's disk is lost", async (context) => {
    const primary = await settledPrimary(namespace);
    await commitThrough(context, () => loseDisk(namespace, other(primary)));
    assert.equal(await settledPrimary(namespace), primary);
  });

  it("is restarted pod by pod without losing a commit", async (context) => {
    await commitThrough(context, async () => {
      await namespace.must(["rollout", "restart", "statefulset/postgres"]);
      await namespace.rolledOut("statefulset/postgres", 300_000);
    });
  });

  it("begins with the former primary when everything but the disks is deleted and made again", async () => {
    const primary = await settledPrimary(namespace);
    const services = ["postgres-service", "postgres-primary", "postgres-primary-config", "postgres-primary-sync"];
    // The standby goes first and misses what is written then.
    await namespace.must(["delete", "statefulset/postgres", "--cascade=orphan"]);
    await namespace.must(["delete", "pod", other(primary)], { timeoutMs: 120_000 });
    await eventually("a commit without the standby", 30_000, async () => {
      await askPostgres(namespace, "postgres-primary", "CREATE TABLE IF NOT EXISTS late (n integer)");
      return true;
    });
    await takeAway(namespace, [primary]);
    await namespace.must(["delete", "service", ...services]);
    await namespace.must(["delete", "endpoints", "--all"]);
    await applyStores(namespace, ["postgres"]);
    assert.equal(await settledPrimary(namespace, SETTLE_MS), primary);
    assert.equal(await askPostgres(namespace, "postgres-primary", "SELECT count(*) FROM late"), "0");
  });

  it("takes other passwords without a restart", async () => {
    const changed = { ...SECRETS, DATABASE_PASSWORD: "another 'one'\\" };
    await setSecret(namespace, "algo-trading-secrets", changed);
    for (const pod of [...PODS, "client"]) {
      await whenMounted(namespace, pod, "DATABASE_PASSWORD", changed.DATABASE_PASSWORD);
    }
    const connects = () => askPostgres(namespace, "postgres-primary", "SELECT 1");
    await assert.rejects(connects, /password authentication failed/);
    for (const pod of PODS) await namespace.must(["exec", pod, "--", "sh", "/scripts/set-passwords.sh"]);
    assert.equal(await connects(), "1");
    await settledPrimary(namespace);
  });

  for (const wanted of ["primary", "standby"] as const) {
    it(`is backed up, wiped and restored by the guide's lines with postgres-0 as ${wanted}`, async () => {
      const sql = (text: string) => askPostgres(namespace, "postgres-primary", text);
      const isWanted = (primary: string) => (primary === "postgres-0") === (wanted === "primary");
      if (!isWanted(await settledPrimary(namespace))) await switchOver();
      assert.ok(isWanted(await settledPrimary(namespace)));
      await sql("DROP TABLE IF EXISTS late, samples, writes");
      await sql(
        `CREATE TABLE samples (n integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount numeric(28, 9), said text, at timestamptz, more jsonb)`,
      );
      await sql(`INSERT INTO samples (amount, said, at, more) SELECT g / 7.0, E'line ' || g || E'\\r\\n\\ttab \\\\ ä €', 'epoch'::timestamptz + g * interval '1 hour',
        jsonb_build_object('n', g) FROM generate_series(1, 5000) g`);
      await sql("CREATE FUNCTION answer() RETURNS integer LANGUAGE sql AS 'SELECT 42'");
      const original = await databaseChecksum(namespace);
      const file = join(folder, `${wanted}.sql`);
      await typeIntoFile(
        namespace,
        ["exec", "-it", "postgres-0", "--", "pg_dump", "-U", "algo_trader", "algo_trading_db"],
        file,
      );
      const backup = readFileSync(file, "utf8");
      assert.doesNotMatch(backup, /\r/);
      await sql("DROP OWNED BY algo_trader");
      assert.notEqual(await databaseChecksum(namespace), original);
      const restore = ["exec", "-i", "postgres-0", "--", "psql", "-U", "algo_trader", "algo_trading_db"];
      const { code, stderr } = await namespace.kubectl(restore, { input: backup });
      assert.equal(code, 0);
      assert.equal(stderr, "");
      assert.equal(await databaseChecksum(namespace), original);
      assert.equal(await sql("SELECT answer()"), "42");
      await sql("DROP FUNCTION answer()");
    });
  }

  const switchOver = async (): Promise<void> => {
    const primary = await settledPrimary(namespace);
    await namespace.must(["exec", primary, "--", "patronictl", "-c", "/run/patroni/config", "switchover", "--force"]);
    await eventually("the other primary", SETTLE_MS, async () =>
      (await settledPrimary(namespace)) === primary ? null : true,
    );
  };
});
