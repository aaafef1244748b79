import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runJob, submit } from "../harness/index.js";
import { findChartTool } from "./render-chart.js";
import { PASSWORD, startTrialFarm, type TrialFarm } from "./trial-farm.js";

/** Four processes start, on two cores. */
const START_MS_MAX = 120_000;
const JOB_MS_MAX = 120_000;
const BODY = { prompt: "a yellow sun over blue mountains", seed: 7 };
const COMPONENTS = ["courier", "worker", "gateway", "redis"] as const;

const hasRedis = ["redis-server", "redis-cli"].every((name) => spawnSync(name, ["--version"]).status === 0);
const isSkipped =
  (findChartTool("helm") === undefined || !hasRedis) && process.env.FARM_TEST_REQUIRED !== "1";

let started: TrialFarm | undefined;
let headers: { authorization: string } = { authorization: "" };

beforeAll(async () => {
  if (!isSkipped) started = await startTrialFarm();
}, START_MS_MAX);
afterAll(() => started?.[Symbol.asyncDispose]());

const farm = (): TrialFarm => {
  if (started === undefined) throw new Error("the farm does not run");
  return started;
};
const gatewayUrl = () => `http://127.0.0.1:${farm().ports.gateway}`;

describe.skipIf(isSkipped)("the Redis of a trial, started as its manifest says", () => {
  const connect = (password: string) =>
    new Redis({
      port: farm().ports.redis,
      password,
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    });

  it("is what the farm asks for: an append-only file, no eviction, a limit of memory", async () => {
    const redis = connect(PASSWORD);
    const settings = ["appendonly", "maxmemory-policy", "maxmemory"];
    expect(await Promise.all(settings.map((name) => redis.config("GET", name)))).toEqual([
      ["appendonly", "yes"],
      ["maxmemory-policy", "noeviction"],
      ["maxmemory", String(512 * 1024 * 1024)],
    ]);
    redis.disconnect();
  });

  it("opens to the password alone", async () => {
    for (const wrong of ["", `${PASSWORD}\n`, "wrong"]) {
      const redis = connect(wrong);
      redis.on("error", () => undefined);
      await expect(redis.ping(), JSON.stringify(wrong)).rejects.toThrow();
      redis.disconnect();
    }
  });

  it("has its password in no argument, and its probe is not ready without it", async () => {
    const redis = farm().podOf("redis");
    expect(redis.child.spawnargs.join(" ")).not.toContain(PASSWORD);
    farm().writePassword("wrong");
    expect(await redis.asks("readinessProbe")).toBe(false);
    farm().writePassword(PASSWORD);
    expect(await redis.asks("readinessProbe")).toBe(true);
  });
});

describe.skipIf(isSkipped)("the pods of a trial, as processes", () => {
  it("are alive and ready by their own probes", async () => {
    for (const component of COMPONENTS)
      for (const probe of ["startupProbe", "readinessProbe"] as const)
        expect(await farm().podOf(component).asks(probe), `${component} ${probe}`).toBe(true);
    for (const component of ["gateway", "worker", "courier"] as const)
      expect(await farm().podOf(component).asks("livenessProbe"), component).toBe(true);
  });

  it("take no call before the first key, which the notes' command makes in the toolbox", async () => {
    await expect(submit(gatewayUrl(), BODY)).rejects.toThrow(/ 401: /);
    const { status, stdout, stderr } = farm().makeFirstKey();
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/^lf_\w{12}_\w{40}\n$/);
    headers = { authorization: `Bearer ${stdout.trim()}` };
  });

  it("draw a picture", { timeout: JOB_MS_MAX }, async () => {
    const job = await runJob(gatewayUrl(), BODY, headers);
    expect(job.status).toBe("succeeded");
    const answer = await fetch(`${gatewayUrl()}/v1/jobs/${job.id}/frames/0`, { headers });
    const picture = Buffer.from(await answer.arrayBuffer());
    expect(createHash("sha256").update(picture).digest("hex")).toBe(job.frames[0]?.sha256);
  });

  it("end in order within the seconds that Kubernetes gives them", { timeout: JOB_MS_MAX }, async () => {
    for (const component of COMPONENTS)
      expect(await farm().podOf(component).stop(farm().graceSecondsOf(component)), component).toBe(0);
  });

  it("have shown no secret in what they logged", () => {
    for (const component of COMPONENTS) {
      const log = readFileSync(path.join(farm().dir, `${component}.log`), "utf8");
      expect(log.length, component).toBeGreaterThan(0);
      for (const secret of [PASSWORD, headers.authorization.replace("Bearer ", "")])
        expect(log.includes(secret), component).toBe(false);
    }
  });
});
