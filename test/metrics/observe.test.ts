import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { hasPrometheus } from "./prometheus-server.js";

/** A cold start of the whole farm, on a loaded machine. */
const START_MS_MAX = 90_000;
/** Some scrapes. */
const SCRAPED_MS_MAX = 30_000;

const isSkipped = !hasPrometheus() && process.env.FARM_TEST_REQUIRED !== "1";

let dir: string | undefined;
let child: ChildProcess | undefined;

afterEach(async () => {
  if (child !== undefined && child.exitCode === null) child.kill("SIGKILL");
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

/** Starts `./farm up` and gives what it has said once a line matches. */
async function up(args: readonly string[], until: RegExp): Promise<string> {
  dir = await mkdtemp(path.join(tmpdir(), "latentfarm-observe-"));
  const started = spawn(path.join(REPOSITORY_ROOT, "farm"), ["up", "--port", "0", "--data", dir, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  child = started;
  let said = "";
  for (const stream of [started.stdout, started.stderr])
    stream.on("data", (text) => {
      said += String(text);
    });
  const deadline = performance.now() + START_MS_MAX;
  while (!until.test(said)) {
    if (performance.now() > deadline || started.exitCode !== null)
      throw new Error(`Cannot start the farm: ${said}`);
    await delay(100);
  }
  return said;
}

describe("./farm up --observe", () => {
  it.skipIf(isSkipped)(
    "starts a Prometheus that reaches every process, and ends it with the farm",
    { timeout: 2 * START_MS_MAX },
    async () => {
      const said = await up(["--observe"], /Prometheus: http/);
      expect(said).toMatch(/metrics: gateway http:\S+, courier http:\S+, worker-1 http:\S+/);
      const url = /Prometheus: (http:\/\/[\d.:]+)/.exec(said)?.[1] ?? "";
      const reached = async () => {
        const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent("sum(up)")}`);
        return JSON.stringify(await answer.json());
      };
      const deadline = performance.now() + SCRAPED_MS_MAX;
      while (!(await reached()).includes('"3"') && performance.now() < deadline) await delay(200);
      expect(await reached()).toContain('"3"');
      child?.kill("SIGINT");
      if (child !== undefined) await once(child, "exit");
      await expect(fetch(url)).rejects.toThrow();
    },
  );
});
