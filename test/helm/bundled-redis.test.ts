import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../harness/index.js";
import { CHART, findChartTool, renderChart } from "./render-chart.js";
import { digList, digStrings } from "./tree.js";

/** An empty Redis answers within milliseconds; two cores may be busy. */
const READY_MS_MAX = 15_000;
const POLL_MS = 50;
/** What would end a line, a string or a word of a less careful script; the last line's end is no part of it. */
const PASSWORD = 'it\'s "a" pass#word $HOME ~* \\ %s';

const hasRedis = ["redis-server", "redis-cli"].every((name) => spawnSync(name, ["--version"]).status === 0);
const isSkipped =
  (findChartTool("helm") === undefined || !hasRedis) && process.env.FARM_TEST_REQUIRED !== "1";

/** What the chart's manifests say of its Redis, with the container's folders and port moved to this machine's. */
function readRedis(folder: string, port: number) {
  const manifests = renderChart({ files: [path.join(CHART, "ci", "trial-values.yaml")] });
  const find = (kind: string) =>
    manifests.find((one) => one.kind === kind && one.name === "farm-latentfarm-redis")?.body;
  const [container] = digList(find("StatefulSet"), "spec.template.spec.containers");
  const moved = (text: string) =>
    text
      .replaceAll("/run/secrets/latentfarm/redis", path.join(folder, "secret"))
      .replaceAll("/run/redis", path.join(folder, "run"))
      .replaceAll("/etc/redis", folder)
      .replaceAll("dir /data", `dir ${path.join(folder, "data")}`)
      .replaceAll("port 6379", `port ${port}`)
      .replaceAll("bind * -::*", "bind 127.0.0.1")
      .replaceAll("redis-cli", `redis-cli -p ${port}`);
  return {
    config: moved(digStrings(find("ConfigMap"), "data")["redis.conf"] ?? ""),
    command: digList(container, "command").map((part) => moved(String(part))),
    ready: digList(container, "readinessProbe.exec.command").map((part) => moved(String(part))),
  };
}

describe.skipIf(isSkipped)("the chart's own Redis, started as its manifest says", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "latentfarm-redis-"));
  let port = 0;
  let server: ChildProcess | undefined;
  let ready: readonly string[] = [];

  const isReady = () => spawnSync(ready[0] ?? "", ready.slice(1)).status === 0;
  const connect = (password: string) =>
    new Redis({ port, password, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });

  beforeAll(async () => {
    port = await freePort();
    const redis = readRedis(folder, port);
    for (const name of ["secret", "run", "data"]) mkdirSync(path.join(folder, name));
    writeFileSync(path.join(folder, "redis.conf"), redis.config);
    writeFileSync(path.join(folder, "secret", "password"), `${PASSWORD}\n`);
    ready = redis.ready;
    server = spawn(redis.command[0] ?? "", redis.command.slice(1), { stdio: "ignore" });
    const endMs = Date.now() + READY_MS_MAX;
    while (!isReady() && Date.now() < endMs) await delay(POLL_MS);
  });

  afterAll(() => {
    server?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  it("is ready by its probe", () => {
    expect(isReady()).toBe(true);
  });

  it("is what the farm asks for: an append-only file, no eviction, a limit of memory", async () => {
    const redis = connect(PASSWORD);
    const settings = ["appendonly", "maxmemory-policy", "maxmemory"];
    const found = await Promise.all(settings.map((name) => redis.config("GET", name)));
    expect(found).toEqual([
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

  it("has its password in no argument, and its probe is not ready without it", () => {
    expect(server?.spawnargs.join(" ")).not.toContain(PASSWORD);
    writeFileSync(path.join(folder, "secret", "password"), "wrong");
    expect(isReady()).toBe(false);
    writeFileSync(path.join(folder, "secret", "password"), PASSWORD);
    expect(isReady()).toBe(true);
  });

  it("ends in order when it is told to: the shell has made way for it", async () => {
    if (server === undefined) throw new Error("Cannot end Redis: it was not started");
    const ended = once(server, "exit");
    server.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });
});
