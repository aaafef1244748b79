import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findS3Server, getJob, runJob, submit } from "../harness/index.js";
import { findComposeLoader } from "./compose-model.js";
import { type ComposedFarm, SERVICES, startComposedFarm } from "./composed-farm.js";

const loader = findComposeLoader();
const s3 = findS3Server();
const isMissing = loader === undefined || s3 === undefined;
/** Five processes start, on two cores. */
const START_MS_MAX = 180_000;
const JOB_MS_MAX = 120_000;
/** Milliseconds for `appendfsync everysec` to have synced, with room. */
const SYNC_MS = 2_500;
const BODY = { prompt: "a yellow sun over blue mountains", seed: 7 };

let started: ComposedFarm | undefined;
let headers: { authorization: string } = { authorization: "" };

beforeAll(async () => {
  if (loader === undefined || s3 === undefined) return;
  started = await startComposedFarm({ loader, s3 }, mkdtempSync(path.join(tmpdir(), "latentfarm-composed-")));
}, START_MS_MAX);
afterAll(() => started?.[Symbol.asyncDispose]());

const farm = (): ComposedFarm => {
  if (started === undefined) throw new Error("the farm does not run");
  return started;
};

describe.skipIf(isMissing)("the services of compose.yaml, as processes", () => {
  it("are closed to everybody until the first key, which the README's command makes", async () => {
    await expect(submit(farm().urlOf("gateway"), BODY)).rejects.toThrow(/ 401: /);
    const made = farm().cli("keys", "create", "--tenant", "acme");
    expect(made.status, made.stderr).toBe(0);
    expect(made.stdout).toMatch(/^lf_\w{12}_\w{40}\n$/);
    headers = { authorization: `Bearer ${made.stdout.trim()}` };
    await expect(submit(farm().urlOf("gateway"), BODY)).rejects.toThrow(/ 401: /);
  });

  it("draw a picture that a browser fetches from the S3 server's published name", {
    timeout: JOB_MS_MAX,
  }, async () => {
    const url = farm().urlOf("gateway");
    const job = await runJob(url, BODY, headers);
    expect(job.status).toBe("succeeded");
    const answer = await fetch(`${url}/v1/jobs/${job.id}/frames/0`, { headers, redirect: "manual" });
    expect(answer.status).toBe(302);
    const signed = new URL(answer.headers.get("location") ?? "");
    expect(signed.origin).toBe(`http://localhost:${farm().ports.s3}`);
    const picture = Buffer.from(await (await fetch(signed)).arrayBuffer());
    expect(createHash("sha256").update(picture).digest("hex")).toBe(job.frames[0]?.sha256);
    expect(farm().cli("history").stdout).toContain(job.id);
    // The default data folder, which in a container is on a root that cannot be written.
    expect(existsSync(path.join(farm().dir, ".farm"))).toBe(false);
  });

  it("tell metrics at the ports where prometheus.yml looks for them", async () => {
    for (const name of ["gateway", "worker-cpu", "courier"] as const) {
      const answer = await fetch(`${farm().urlOf(name)}/metrics`);
      expect(await answer.text(), name).toMatch(/^farm_redis_up 1$/m);
    }
  });

  it("have a Redis that asks for the password, keeps a log and drops nothing", () => {
    const ask = (env: Readonly<Record<string, string>>, command: string) =>
      execFileSync("redis-cli", ["-p", String(farm().ports.redis), command], {
        env: { PATH: process.env.PATH ?? "", ...env },
        encoding: "utf8",
      });
    expect(ask({}, "ping")).toContain("NOAUTH");
    const info = ask({ REDISCLI_AUTH: farm().secret("redis_password") }, "info");
    expect(info).toMatch(/aof_enabled:1/);
    expect(info).toMatch(/maxmemory_policy:noeviction/);
    expect(info).toMatch(/maxmemory:1073741824/);
    expect(statSync(path.join(farm().dir, "redis.conf")).mode & 0o077).toBe(0);
  });
});

describe.skipIf(isMissing)("the services of compose.yaml, at their end", () => {
  it("keep a job that Redis is killed under", { timeout: JOB_MS_MAX }, async () => {
    const url = farm().urlOf("gateway");
    const before = await runJob(url, { prompt: "white hills", seed: 1 }, headers);
    await delay(SYNC_MS);
    await farm().services.redis.kill();
    await farm().restart("redis");
    for (const name of SERVICES) await farm().services[name].whenHealthy();
    expect((await getJob(url, before.id, headers)).status).toBe("succeeded");
  });

  it("end in order when they are told to", { timeout: JOB_MS_MAX }, async () => {
    const { services } = farm();
    const codes = await Promise.all([...SERVICES].reverse().map((name) => services[name].stop()));
    expect(codes).toEqual(SERVICES.map(() => 0));
  });

  it("have shown no secret in what they logged", () => {
    const key = headers.authorization.replace("Bearer ", "");
    const [, password = ""] = /aws_secret_access_key = (\w+)/.exec(farm().secret("s3_credentials")) ?? [];
    for (const name of SERVICES) {
      const log = readFileSync(path.join(farm().dir, `${name}.log`), "utf8");
      expect(log.length, name).toBeGreaterThan(0);
      for (const text of [key, password, farm().secret("redis_password"), "X-Amz-Signature"])
        expect(log.includes(text), name).toBe(false);
    }
  });
});
