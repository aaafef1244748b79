import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { DEMO_MODEL_DIR, demoFrame } from "../testing/demo-frame.js";
import type { EngineHost } from "./engine-host.js";
import { startEngine } from "./start-engine.js";

// These tests fork the real engine, which is the built one: `npx turbo run build` comes first.

let host: EngineHost;
let messages: number[] = [];
beforeAll(async () => {
  host = await startEngine({
    modelDir: DEMO_MODEL_DIR,
    onBatches: (batches) => messages.push(batches.length),
  });
});
afterAll(() => host[Symbol.asyncDispose]());

/** Reads the process table; a zombie that nobody reaps has ended all the same. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

describe("startEngine()", () => {
  test("draws in a process of its own", async () => {
    const steps: number[] = [];
    const { rgb, timings } = await host.render(demoFrame(), { onStep: (step) => steps.push(step) });
    expect(host.info.pid).not.toBe(process.pid);
    expect(rgb.length).toBe(64 * 64 * 3);
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(timings.steps_ms).toBeGreaterThan(0);
  });

  test("tells every batch of a frame before its picture, several at a time", async () => {
    messages = [];
    await host.render(demoFrame({ steps: 20 }));
    expect(messages.reduce((sum, batches) => sum + batches, 0)).toBe(20);
    expect(messages.length).toBeLessThan(20);
  });

  test("sends previews to a caller that looks at them", async () => {
    const onPreview = vi.fn();
    await host.render(demoFrame(), { onPreview });
    expect(onPreview).toHaveBeenCalledWith(expect.any(Uint8Array), 8, 8);
  });

  test("draws the same picture although the engine is killed in the middle of the frame", async () => {
    const expected = await host.render(demoFrame());
    const before = host.info;
    let killed = false;
    const mate = host.render(demoFrame({ seed: "8" }));
    const frame = await host.render(demoFrame(), {
      onStep: (step) => {
        if (killed || step < 3 || before.pid === null) return;
        killed = process.kill(before.pid, "SIGKILL");
      },
    });
    await mate;
    expect(killed).toBe(true);
    expect(frame.rgb).toEqual(expected.rgb);
    expect(host.info.restarts).toBe(before.restarts + 1);
    expect(host.info.pid).not.toBe(before.pid);
  });

  test("goes on from the last snapshot after the engine was killed", async () => {
    const params = demoFrame({ steps: 150 });
    const expected = await host.render(params);
    const { pid } = host.info;
    const snapshots: number[] = [];
    const frame = await host.render(params, {
      onSnapshot: ({ step }) => {
        snapshots.push(step);
        if (snapshots.length === 1 && pid !== null) process.kill(pid, "SIGKILL");
      },
    });
    expect(host.info.pid).not.toBe(pid);
    expect(frame.resumed_from_step).toBeGreaterThanOrEqual(snapshots[0] ?? Number.POSITIVE_INFINITY);
    expect(Buffer.compare(frame.rgb, expected.rgb)).toBe(0);
  });

  test("fails a frame as engine_crashed when the engine is killed each time", async () => {
    const engine = await startEngine({ modelDir: DEMO_MODEL_DIR });
    await using _disposed = engine;
    const rendered = engine.render(demoFrame(), {
      onStep: () => {
        const { pid } = engine.info;
        if (pid !== null) process.kill(pid, "SIGKILL");
      },
    });
    await expect(rendered).rejects.toMatchObject({ code: "engine_crashed", details: { crashes: 3 } });
  });

  test("cancels in the middle of a frame and draws the next one", async () => {
    const controller = new AbortController();
    const canceled = host.render(demoFrame({ steps: 100 }), {
      signal: controller.signal,
      onStep: (step) => step === 2 && controller.abort(),
    });
    await expect(canceled).rejects.toMatchObject({ code: "canceled" });
    await expect(host.render(demoFrame())).resolves.toMatchObject({ width: 64 });
  });

  test("fails a wrong frame alone, with the field in the details", async () => {
    const [wrong, unparsable, good] = await Promise.allSettled([
      host.render(demoFrame({ sampler: "no_such_sampler" })),
      host.render(demoFrame({ steps: 0 })),
      host.render(demoFrame()),
    ]);
    const refusal = (path: string) => ({
      reason: { code: "invalid_request", details: { errors: [{ path }] } },
    });
    expect(wrong).toMatchObject(refusal("sampler"));
    expect(unparsable).toMatchObject(refusal("steps"));
    expect(good.status).toBe("fulfilled");
  });

  test("rejects with the reason when the folder holds no model", async () => {
    const modelDir = import.meta.dirname;
    await expect(startEngine({ modelDir })).rejects.toMatchObject({ code: "model_invalid" });
  });

  test("kills an engine that is silent for too long", async () => {
    const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    const started = startEngine({ modelDir: DEMO_MODEL_DIR, log, silenceMaxMs: 1 });
    await expect(started).rejects.toMatchObject({ code: "engine_unavailable" });
    expect(log.error).toHaveBeenCalledWith(expect.anything(), "engine is killed: it is silent");
  });

  test("disposal ends the process and gives frames back", async () => {
    const engine = await startEngine({ modelDir: DEMO_MODEL_DIR });
    const pid = engine.info.pid ?? 0;
    const failure = expect(engine.render(demoFrame())).rejects.toMatchObject({ code: "interrupted" });
    await engine[Symbol.asyncDispose]();
    await failure;
    expect(isAlive(pid)).toBe(false);
  });

  test("the engine ends when its parent is killed", async () => {
    const script = `import { startEngine } from "@latentfarm/engine";
      const host = await startEngine({ modelDir: process.argv[1] });
      process.stdout.write(String(host.info.pid));`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script, DEMO_MODEL_DIR], {
      cwd: import.meta.dirname,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [chunk] = await once(parent.stdout, "data");
    const pid = Number(String(chunk));
    expect(isAlive(pid)).toBe(true);
    parent.kill("SIGKILL");
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000 });
  });
});
