import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodePng, meanDifference, REPOSITORY_ROOT, readPng, startRedis } from "../harness/index.js";

const FARM = path.join(REPOSITORY_ROOT, "farm");
const PROMPT = "a yellow sun over blue mountains under an orange sky";
/** A cold start of the whole farm with a picture, on a loaded machine. */
const CALL_TIMEOUT_MS = 120_000;

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "latentfarm cli "));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** Runs `./farm` from a folder that is not the project's, with a data folder of its own. */
const farm = (...args: readonly string[]) => farmWith(process.env, ...args);

async function farmWith(
  env: NodeJS.ProcessEnv,
  ...args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const run = promisify(execFile)(FARM, [...args], { cwd: dir, env, timeout: CALL_TIMEOUT_MS });
  return run.then(
    (output) => ({ code: 0, ...output }),
    (error: { code?: number; stdout: string; stderr: string }) => ({
      code: error.code ?? -1,
      stdout: error.stdout,
      stderr: error.stderr,
    }),
  );
}

describe("./farm render", () => {
  it("writes the reference's picture, and the same bytes at the second run", {
    timeout: 2 * CALL_TIMEOUT_MS,
  }, async () => {
    const first = await farm("render", PROMPT, "--seed", "7", "-o", "sun.png", "--data", "data");
    expect(first, first.stderr).toMatchObject({ code: 0 });
    expect(first.stdout).toMatch(/sun\.png/);
    expect(first.stdout).toMatch(/seed 7\b/);
    expect(first.stdout).toMatch(/20 steps/);
    expect(first.stdout).toMatch(/\d s\b|\d seconds/);
    const picture = await readFile(path.join(dir, "sun.png"));
    const expected = await readPng(path.join(REPOSITORY_ROOT, "packages/demo-model/expected/00.png"));
    expect(meanDifference(decodePng(picture), expected)).toBeLessThan(2);
    await farm("render", PROMPT, "--seed", "7", "-o", "again.png", "--data", "data");
    expect(await readFile(path.join(dir, "again.png"))).toEqual(picture);
  });

  it("writes eight seeds and a contact sheet that a person can see", {
    timeout: CALL_TIMEOUT_MS,
  }, async () => {
    const run = await farm("render", PROMPT, "--seed", "1", "-n", "8", "-o", "many.png", "--data", "data");
    expect(run, run.stderr).toMatchObject({ code: 0 });
    const files = (await readdir(dir)).filter((file) => file.startsWith("many")).sort();
    expect(files).toEqual([...Array.from({ length: 8 }, (_, i) => `many-${i}.png`), "many-sheet.png"]);
    const sheet = await readPng(path.join(dir, "many-sheet.png"));
    expect(Math.min(sheet.width, sheet.height)).toBeGreaterThan(256);
  });

  it("joins a Redis with the farm's own data folder, and refuses to with another", {
    timeout: 3 * CALL_TIMEOUT_MS,
  }, async () => {
    const redis = await startRedis({ dir: path.join(dir, "redis"), aof: true });
    try {
      const env = { ...process.env, FARM_REDIS_URL: redis.url };
      const call = (data: string) =>
        farmWith(env, "render", PROMPT, "--steps", "1", "-o", `${data}.png`, "--data", data);
      const first = await call("one");
      expect(first, first.stderr).toMatchObject({ code: 0 });
      const again = await call("one");
      expect(again, again.stderr).toMatchObject({ code: 0 });
      const other = await call("two");
      expect(other, other.stderr).toMatchObject({ code: 2 });
      expect(other.stderr).toContain(`the farm's store is`);
      expect(other.stderr).toContain("FARM_DATA");
    } finally {
      await redis.stop();
    }
  });

  it.each([
    [["render"], "prompt"],
    [["render", PROMPT, "--steps", "none"], "steps"],
    [["render", PROMPT, "--seed", "-4"], "seed"],
    [["render", PROMPT, "--size", "64"], "size"],
    [["render", PROMPT, "--size", "65x64"], "multiple of 16"],
    [["render", PROMPT, "-n", "0"], "-n"],
    [["render", PROMPT, "--nonsense"], "--nonsense"],
    [["nonsense"], "nonsense"],
    [["up", "--port", "99999999"], "port"],
    [["bench", "nonsense"], "nonsense"],
    [["test", "nonsense"], "nonsense"],
  ])(
    "says what is wrong with %j, exit code 2, no stack trace",
    async (args, word) => {
      const run = await farm(...args);
      expect(run.code, run.stderr).toBe(2);
      expect(run.stderr.toLowerCase()).toContain(word.toLowerCase());
      expect(run.stderr).not.toMatch(/\n\s+at /);
    },
    CALL_TIMEOUT_MS,
  );
});

describe("./farm models inspect", () => {
  it("says what the demo model holds and that it runs", async () => {
    const run = await farm("models", "inspect", path.join(REPOSITORY_ROOT, "packages/demo-model/model"));
    expect(run, run.stderr).toMatchObject({ code: 0 });
    expect(run.stdout).toMatch(/postcards-sd35-fp8\.safetensors/);
    expect(run.stdout).toMatch(/F8_E4M3/);
  });

  it("says why an empty folder does not run", async () => {
    const run = await farm("models", "inspect", dir);
    expect(run.code).not.toBe(0);
    expect(run.stdout + run.stderr).toMatch(/checkpoint/);
  });
});
