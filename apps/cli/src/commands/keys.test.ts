import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { parseApiKey } from "@latentfarm/contract";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { readEnvironment } from "../config/env.js";
import { exitCodeOf } from "../failure.js";
import { findOnPath } from "../farm/machine.js";
import { identifyProcess } from "../farm/process-identity.js";
import { type RedisAddress, startRedis } from "../farm/redis-process.js";
import { farmNotePath } from "../farm/running-farm.js";
import { writeNote } from "../farm/state-file.js";
import { RESTART_POLICY, type Supervised } from "../farm/supervisor.js";
import { describeKeyless } from "../keys/describe-keyless.js";
import { connectAccess } from "../keys/open-access.js";
import { createProgram } from "../program.js";

const path = process.env.PATH ?? "";
const binary = findOnPath("redis-server", path) ?? findOnPath("valkey-server", path);
const root = mkdtempSync(join(tmpdir(), "farm keys "));
const OWN = identifyProcess(process.pid) ?? { pid: 0, started: "" };
const REDIS_END_MS_MAX = 10_000;

/** Runs the command line in this process. */
async function call(args: readonly string[], env: Record<string, string> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    progress: new Writable(),
    interactive: false,
  };
  const program = createProgram({
    terminal,
    environment: readEnvironment({ PATH: path, ...env }),
    cwd: root,
  });
  try {
    await program.parseAsync(["node", "farm", "keys", ...args]);
    return { exit: 0, out, err: err.join("\n") };
  } catch (error) {
    return { exit: exitCodeOf(error), out, err: String(error) };
  }
}

test.each([
  [["create", "--tenant", "Acme"], "tenant"],
  [["create", "--tenant", "acme", "--scopes", "all"], "scopes.0"],
  [["create", "--tenant", "acme", "--rate", "0"], "requests_per_minute"],
  [["create", "--tenant", "acme", "--weight", "0"], "weight"],
  [["create", "--tenant", "acme", "--running", "0.5"], "limits.running_frames_max"],
  [["revoke", `lf_${"0".repeat(12)}_${"0".repeat(40)}`], "ID must be"],
])("keys refuses %j as a wrong call", async (args, field) => {
  const { exit, out, err } = await call(args);
  expect({ exit, out }).toEqual({ exit: 2, out: [] });
  expect(err).toContain(field);
  expect(err).not.toContain("0".repeat(40));
});

test("keys says where it looked when no farm runs", async () => {
  const { exit, err } = await call(["list", "--data", "nowhere"]);
  expect(exit).toBe(1);
  expect(err).toContain(`no farm runs on ${join(root, "nowhere")} (./farm up starts one)`);
});

const onRedis = test.skipIf(binary === undefined);
let redis: Supervised<RedisAddress> | undefined;
let dataDir = root;

beforeAll(async () => {
  if (binary === undefined) return;
  redis = await startRedis({
    binary,
    dir: join(root, "redis"),
    logPath: join(root, "redis.log"),
    env: { PATH: path },
    policy: RESTART_POLICY,
    signal: new AbortController().signal,
    log: () => undefined,
  });
});

beforeEach(() => {
  dataDir = mkdtempSync(join(root, "case-"));
  writeNote(farmNotePath(dataDir), { ...OWN, url: "http://127.0.0.1:1", redisUrl: redisUrl() });
});

afterAll(async () => {
  await redis?.stop(REDIS_END_MS_MAX);
  rmSync(root, { recursive: true, force: true });
});

const redisUrl = () => redis?.ready().url ?? "redis://127.0.0.1:1";
const keys = (...args: string[]) => call([...args, "--data", dataDir]);

onRedis(
  "keys create prints a key that opens, sets its tenant, and says that the farm is closed now",
  async () => {
    const url = redisUrl();
    const farm = { url: "http://127.0.0.1:8080", redisUrl: url };
    expect(await describeKeyless(farm)).toContain("every program of this machine may call");
    expect(await describeKeyless({ ...farm, url: "http://0.0.0.0:8080" })).toContain("calls are refused");
    const settings = ["--weight", "2.5", "--queued-cost", "100", "--running", "3"];
    const made = await keys("create", "--tenant", "acme", "--name", "web", "--rate", "60/min", ...settings);
    const [key = "", ...more] = made.out;
    expect(more).toEqual([]);
    expect(parseApiKey(key)).toBeDefined();
    expect(made.err).toContain("shown this once");
    expect(made.err).toContain("60 requests a minute");
    expect(made.err).toContain("from now on the farm asks every caller for one");
    expect(await describeKeyless(farm)).toBeUndefined();

    await using opened = await connectAccess(url);
    expect(await opened.access.authenticate(key)).toMatchObject({
      key: { name: "web", scopes: ["submit", "read"], requests_per_minute: 60 },
      tenant: { name: "acme", weight: 2.5, limits: { queued_cost_max: 100, running_frames_max: 3 } },
    });
    const { entries } = await opened.access.readAudit({ limit: 10 });
    expect(entries.map(({ action, actor }) => [action, actor.slice(0, 4)])).toEqual([
      ["key.create", "cli:"],
      ["tenant.set", "cli:"],
    ]);
  },
);

onRedis("keys create gives a key 6,000 requests a minute, another rate, or none, and says so", async () => {
  await using opened = await connectAccess(redisUrl());
  for (const [option, rate, said] of [
    [[], 6_000, "6000 requests a minute"],
    [["--rate", "5/min"], 5, "5 requests a minute"],
    [["--rate", "none"], null, "It has no rate."],
  ] as const) {
    const made = await keys("create", "--tenant", "rated", ...option);
    expect(made.err).toContain(said);
    const id = parseApiKey(made.out[0] ?? "")?.id;
    const key = (await opened.access.listKeys()).find((listed) => listed.id === id);
    expect(key?.requests_per_minute).toBe(rate);
  }
});

onRedis(
  "keys create leaves what it does not name of the tenant, and takes a limit away by none",
  async () => {
    await keys("create", "--tenant", "beta", "--weight", "2", "--queued-cost", "100", "--concurrent", "9");
    const second = await keys("create", "--tenant", "beta", "--queued-cost", "none", "--running", "4");
    expect(second.err).not.toContain("first key");
    await keys("create", "--tenant", "beta");
    await using opened = await connectAccess(redisUrl());
    expect(await opened.access.getTenant("beta")).toEqual({
      name: "beta",
      weight: 2,
      limits: { concurrent_frames_max: 9, running_frames_max: 4 },
    });
  },
);

onRedis("keys list shows every key and no secret; keys revoke ends one", async () => {
  const name = "a\u001b[31m name";
  const { out } = await keys("create", "--tenant", "gamma", "--scopes", "admin", "--name", name);
  const { id = "", secret = "" } = parseApiKey(out[0] ?? "") ?? {};
  const revoked = await keys("revoke", id);
  expect(revoked.out).toEqual([expect.stringContaining(`key ${id} of tenant gamma is revoked; within 3 s`)]);
  const table = (await keys("list")).out.join("\n");
  expect(table).toMatch(
    new RegExp(
      `${id} +gamma +admin +6000/min +\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\dZ +\\d{4}-.*Z +a\\?\\[31m name`,
    ),
  );
  const json: unknown = JSON.parse((await keys("list", "--json")).out.join(""));
  expect(json).toMatchObject({ keys: expect.arrayContaining([expect.objectContaining({ id, name })]) });
  expect(table + JSON.stringify(json)).not.toContain(secret);
  expect(await keys("revoke", "0".repeat(12))).toMatchObject({
    exit: 1,
    err: expect.stringContaining("there is none"),
  });
});

onRedis("keys goes to the Redis of FARM_REDIS_URL before that of the farm that runs here", async () => {
  writeNote(farmNotePath(dataDir), { ...OWN, redisUrl: "redis://127.0.0.1:1" });
  const listed = await call(["list", "--data", dataDir, "--json"], { FARM_REDIS_URL: redisUrl() });
  expect(listed.exit).toBe(0);
});
