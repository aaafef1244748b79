import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { jobRecordSchema } from "@latentfarm/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodePng, REPOSITORY_ROOT, runJob, startTestFarm, type TestFarm } from "../harness/index.js";

const FARM = path.join(REPOSITORY_ROOT, "farm");
const PROMPT = "a yellow sun over blue mountains, under an orange sky\nwith <stars> & 星";
const CALL_TIMEOUT_MS = 60_000;

let dir: string;
let farm: TestFarm;

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "latentfarm-provenance-"));
  farm = await startTestFarm();
});
afterAll(async () => {
  await farm[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

/** Runs `./farm` in the test's folder; what it prints. */
async function call(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return await promisify(execFile)(FARM, [...args], { cwd: dir, timeout: CALL_TIMEOUT_MS });
}

const render = (...args: readonly string[]) => call("render", ...args, "--url", farm.url);
const file = (name: string) => readFile(path.join(dir, name));

describe("./farm render --like", () => {
  beforeAll(async () => {
    const how = ["--seed", "18446744073709551615", "--steps", "6", "--negative", "rain", "--guidance", "3.5"];
    await render(PROMPT, ...how, "--sampler", "euler_ancestral", "--scheduler", "karras", "-o", "first.png");
  }, CALL_TIMEOUT_MS);

  it("draws the same bytes again", { timeout: CALL_TIMEOUT_MS }, async () => {
    const { stderr } = await render("--like", "first.png", "-o", "again.png");
    expect(await file("again.png")).toEqual(await file("first.png"));
    expect(stderr).not.toContain("may differ");
  });

  it.each(["jpg", "webp"])(
    "draws the same pixels from a picture as %s",
    {
      timeout: 3 * CALL_TIMEOUT_MS,
    },
    async (extension) => {
      const [one, two, back] = [`one.${extension}`, `two.${extension}`, `${extension}.png`];
      await render("--like", "first.png", "-o", one);
      await render("--like", one, "-o", two);
      await render("--like", one, "-o", back);
      expect(await file(two)).toEqual(await file(one));
      expect(decodePng(await file(back))).toEqual(decodePng(await file("first.png")));
    },
  );

  it("lets the call's own options go before the picture's", { timeout: CALL_TIMEOUT_MS }, async () => {
    const { stdout } = await render("--like", "first.png", "--seed", "9", "--steps", "2", "-o", "own.png");
    expect(stdout).toMatch(/seed 9 {2}2 steps/);
    const { record } = JSON.parse((await call("inspect", "own.png", "--json")).stdout);
    const { record: first } = JSON.parse((await call("inspect", "first.png", "--json")).stdout);
    expect(record.params).toEqual({ ...first.params, seed: "9", steps: 2 });
  });

  it("asks for the image that a picture started from", { timeout: 3 * CALL_TIMEOUT_MS }, async () => {
    const from = ["--image", "first.png", "--strength", "0.4", "--steps", "4"];
    await render("a red city", ...from, "--seed", "3", "-o", "city.png");
    await expect(render("--like", "city.png", "-o", "no.png")).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("name it with --image"),
    });
    await render("--like", "city.png", "--image", "first.png", "-o", "city-again.png");
    expect(await file("city-again.png")).toEqual(await file("city.png"));
  });

  it("says what of another program's picture it does not take over", {
    timeout: CALL_TIMEOUT_MS,
  }, async () => {
    const text = "Steps: 2, Sampler: Euler, CFG scale: 2, Seed: 5, Size: 64x64, Model: v1-5, Clip skip: 2";
    await writeFile(path.join(dir, "foreign.png"), withText(await file("first.png"), `a sun\n${text}`));
    const { stdout, stderr } = await render("--like", "foreign.png", "-o", "ours.png");
    expect(stdout).toMatch(/seed 5 {2}2 steps/);
    expect(stderr).toContain("Clip skip: 2");
    expect(stderr).toContain("model v1-5");
  });
});

describe("jobs/{id}/job.json", () => {
  it("tells what ran, over which weights and in how large a batch", async () => {
    const job = await runJob(farm.url, {
      prompt: PROMPT,
      steps: 4,
      guidance_scale: 4,
      num_images: 2,
      seed: 1,
    });
    const name = path.join(farm.dataDir, "results", "jobs", job.id, "job.json");
    await expect.poll(() => readFile(name, "utf8").catch(() => ""), { timeout: 10_000 }).not.toBe("");
    const record = jobRecordSchema.parse(JSON.parse(await readFile(name, "utf8")));
    for (const { result } of record.frames) {
      expect(result?.provenance).toEqual({
        software: { latentfarm: expect.any(String), onnxruntime: expect.stringMatching(/^1\./) },
        model_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        batch_rows_max: expect.any(Number),
      });
      // A new farm begins with calls of one row, whatever a frame has; at most 16 share one.
      const rows = result?.provenance?.batch_rows_max;
      expect(Number.isInteger(rows)).toBe(true);
      expect(rows).toBeGreaterThanOrEqual(1);
      expect(rows).toBeLessThanOrEqual(16);
    }
    expect(job.frames.map((frame) => frame.provenance)).toEqual(
      record.frames.map(({ result }) => result?.provenance),
    );
  });
});

const TEXT_CHUNK = /^[tzi](?:EXt|TXt)$/;
const SIGNATURE_BYTES = 8;
const CHUNK_EXTRA_BYTES = 12;

/** The PNG without its own texts and with one of another program; check sums of text are nobody's concern here. */
function withText(png: Buffer, text: string): Buffer {
  const chunks: Buffer[] = [];
  for (let at = SIGNATURE_BYTES; at < png.length; ) {
    const bytes = png.readUInt32BE(at) + CHUNK_EXTRA_BYTES;
    if (!TEXT_CHUNK.test(png.toString("latin1", at + 4, at + 8))) chunks.push(png.subarray(at, at + bytes));
    at += bytes;
  }
  const [header = Buffer.alloc(0), ...rest] = chunks;
  const data = Buffer.from(`parameters\0${text}`, "latin1");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const chunk = Buffer.concat([length, Buffer.from("tEXt"), data, Buffer.alloc(4)]);
  return Buffer.concat([png.subarray(0, SIGNATURE_BYTES), header, chunk, ...rest]);
}
