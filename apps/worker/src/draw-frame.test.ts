import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJobId, FarmError, type FrameParams, PRIORITIES } from "@latentfarm/contract";
import type { RenderOptions } from "@latentfarm/engine";
import { encodeImage } from "@latentfarm/image";
import type { FrameWork } from "@latentfarm/queue";
import { createDiskStore, inputKey, snapshotKey } from "@latentfarm/storage";
import { createLogger, createMetrics, NO_TRACING } from "@latentfarm/telemetry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describePicture } from "./describe-picture.js";
import { type DrawContext, drawFrame } from "./draw-frame.js";
import { createWorkInFlight } from "./pod/work-in-flight.js";
import { createPictureSpool } from "./spool/picture-spool.js";
import { createBatchSpans } from "./traces/batch-spans.js";

const SIZE = 16;

const PARAMS: FrameParams = {
  prompt: "a sun",
  negative_prompt: "",
  model: "demo",
  width: SIZE,
  height: SIZE,
  steps: 4,
  guidance_scale: 1,
  sampler: "euler",
  scheduler: "simple",
  shift: 3,
  seed: "7",
  output_format: "png",
  output_quality: 90,
};

const silent = createLogger({ name: "worker", level: "silent" });

let root: string;
let jobs = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "latentfarm-worker-"));
});

afterAll(() => rm(root, { recursive: true, force: true }));

function newFrame(changes: Partial<FrameWork> = {}): FrameWork & { told: (number | string)[] } {
  const told: (number | string)[] = [];
  return {
    told,
    tenant: "default",
    jobId: createJobId({ nowMs: jobs++, random: new Uint8Array(10) }),
    index: 0,
    attempt: 1,
    queueMs: 5,
    params: PARAMS,
    priority: "normal",
    signal: new AbortController().signal,
    started: async () => undefined,
    progress: async (step) => void told.push(step),
    preview: async (jpeg) => void told.push(jpeg),
    loadSnapshot: async () => undefined,
    saveSnapshot: async () => undefined,
    ...changes,
  };
}

/** An engine that draws plain grey, and a clock that goes 10 ms on at each look. */
function newContext(draw?: (options: RenderOptions) => void): DrawContext & { drawn: () => number } {
  let nowMs = 0;
  let drawn = 0;
  const engine: DrawContext["engine"] = {
    info: {
      pid: 1,
      plan: "cpu",
      onnxruntime: "1.30.0",
      restarts: 0,
      model: {
        name: "demo",
        architecture: "",
        defaults: { ...PARAMS },
        limits: { width_max: 16, height_max: 16, size_multiple: 16 },
        samplers: [],
        schedulers: [],
      },
    },
    render: async (_params, options = {}) => {
      draw?.(options);
      drawn++;
      const timings = { text_ms: 1, steps_ms: 2, vae_ms: 3 };
      return {
        rgb: new Uint8Array(SIZE * SIZE * 3).fill(128),
        width: SIZE,
        height: SIZE,
        timings,
        moments: { text_begun: 4, steps_begun: 3, steps_done: 2, vae_begun: 1 },
        notes: ["a note"],
        resumed_from_step: options.resume?.[0] ?? 0,
        batch_rows_max: 3,
      };
    },
    drain: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
  return {
    engine,
    drawn: () => drawn,
    store: createDiskStore(root),
    signer: undefined,
    spool: createPictureSpool({ root: join(root, "spool"), log: silent }),
    log: silent,
    metrics: createMetrics("worker"),
    work: createWorkInFlight(),
    tracing: NO_TRACING,
    batches: createBatchSpans(NO_TRACING),
    nowMs: () => (nowMs += 10),
    config: {
      id: "w1",
      modelDir: "",
      dataDir: root,
      store: { kind: "disk", root },
      concurrency: 1,
      engineThreads: undefined,
      snapshotSteps: 5,
      drainMs: 0,
      signing: undefined,
      spotMetadataUrl: undefined,
      pod: undefined,
      metricsAddress: undefined,
      device: "cpu",
      engineEnvironment: {},
      logLevel: "silent",
      isTraced: false,
    },
  };
}

describe("drawFrame()", () => {
  it("stores the picture under the frame's key and reports it", async () => {
    const context = newContext();
    const frame = newFrame();
    const result = await drawFrame(context, frame);
    const stored = await context.store.get(result.key);
    expect(result).toMatchObject({
      key: `jobs/${frame.jobId}/0.png`,
      seed: "7",
      worker: "w1",
      plan: "cpu",
      attempt: 1,
      notes: ["a note"],
      provenance: { software: { onnxruntime: "1.30.0" }, batch_rows_max: 3 },
      sha256: stored?.sha256,
      bytes: stored?.bytes.length,
      timings: { queue_ms: 5, text_ms: 1, steps_ms: 2, vae_ms: 3, encode_ms: 10, upload_ms: 10 },
    });
    expect(stored?.contentType).toBe("image/png");
  });

  it("stores the picture signed, unless the certificate has ended, which it notes", async () => {
    const sign = async (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.from("signed")]);
    const context = { ...newContext(), signer: { notAfterMs: 1_000_000, sign } };
    const signed = await drawFrame(context, newFrame());
    const stored = await context.store.get(signed.key);
    expect(Buffer.from(stored?.bytes ?? []).toString("latin1")).toMatch(/signed$/);
    expect([signed.sha256, signed.notes]).toEqual([stored?.sha256, ["a note"]]);
    const late = await drawFrame({ ...context, signer: { notAfterMs: 0, sign } }, newFrame());
    expect(late.notes).toEqual(["a note", expect.stringMatching(/no Content Credentials/)]);
    expect(late.bytes).toBe(signed.bytes - "signed".length);
  });

  it("waits with the picture for a store that is away, as long as it may", async () => {
    const context = newContext();
    const reason = new FarmError("interrupted", "Cannot go on");
    const controller = new AbortController();
    const put = async () => {
      // The wait that follows ends with this.
      setImmediate(() => controller.abort(reason));
      throw new FarmError("store_unavailable", "Cannot write");
    };
    const away = { ...context, store: { ...context.store, put } };
    await expect(drawFrame(away, newFrame({ signal: controller.signal }))).rejects.toBe(reason);
    expect(context.drawn()).toBe(1);
  });

  it("stores one picture, drawn once, when a write is done and then reported as failed", async () => {
    const context = newContext();
    const puts: string[] = [];
    const put: typeof context.store.put = async (key, bytes, info) => {
      await context.store.put(key, bytes, info);
      puts.push(key);
      if (puts.length === 1) throw new FarmError("store_unavailable", "Cannot say that it was written");
    };
    const frame = newFrame();
    const result = await drawFrame({ ...context, store: { ...context.store, put } }, frame);
    expect([context.drawn(), puts]).toEqual([1, [result.key, result.key]]);
    expect((await context.store.get(result.key))?.sha256).toBe(result.sha256);
  });

  it("finds the picture of an attempt that died while its write was reported as failed", async () => {
    const context = newContext();
    const died = new FarmError("interrupted", "Cannot go on");
    const controller = new AbortController();
    const put: typeof context.store.put = async (key, bytes, info) => {
      await context.store.put(key, bytes, info);
      controller.abort(died);
      throw new FarmError("store_unavailable", "Cannot say that it was written");
    };
    const frame = newFrame({ signal: controller.signal });
    const lying = { ...context, store: { ...context.store, put } };
    await expect(drawFrame(lying, frame)).rejects.toBe(died);
    const second = await drawFrame(context, { ...newFrame({ attempt: 2 }), jobId: frame.jobId });
    expect([context.drawn(), second.attempt]).toEqual([1, 1]);
  });

  it("finds on this disk what an attempt drew that stopped while the store was away", async () => {
    const context = newContext();
    const stopped = new FarmError("interrupted", "Cannot go on");
    const controller = new AbortController();
    const away = async () => {
      if (context.drawn() > 0) setImmediate(() => controller.abort(stopped));
      throw new FarmError("store_unavailable", "Cannot reach it");
    };
    const frame = newFrame({ signal: controller.signal });
    const unreachable = { ...context, store: { ...context.store, put: away, head: away } };
    await expect(drawFrame(unreachable, frame)).rejects.toBe(stopped);
    const second = await drawFrame(context, { ...newFrame({ attempt: 2 }), jobId: frame.jobId });
    expect([context.drawn(), second.attempt]).toEqual([1, 1]);
    expect((await context.store.get(second.key))?.sha256).toBe(second.sha256);
    expect(await context.spool.read(second.key)).toBeUndefined();
  });

  it("draws nothing until it knows whether an earlier attempt has stored the picture", async () => {
    const context = newContext();
    const frame = newFrame();
    await drawFrame(context, frame);
    let looks = 0;
    const head: typeof context.store.head = async (key) => {
      if (looks++ === 0) throw new FarmError("store_unavailable", "Cannot look");
      return context.store.head(key);
    };
    await drawFrame({ ...context, store: { ...context.store, head } }, { ...frame, attempt: 2 });
    expect([context.drawn(), looks]).toEqual([1, 2]);
  });

  it("takes an earlier attempt's picture instead of drawing it again", async () => {
    const context = newContext();
    const frame = newFrame();
    const first = await drawFrame(context, frame);
    const second = await drawFrame(context, { ...frame, attempt: 2 });
    expect(context.drawn()).toBe(1);
    expect(second).toMatchObject({ sha256: first.sha256, attempt: 1 });
  });

  it("clears a snapshot that the attempt which stored the picture has left", async () => {
    const context = newContext();
    const frame = newFrame();
    await drawFrame(context, frame);
    const key = snapshotKey(frame.jobId, frame.index);
    await context.store.put(key, Uint8Array.of(1), { contentType: "application/octet-stream", metadata: {} });
    await drawFrame(context, { ...frame, attempt: 2 });
    expect(await context.store.head(key)).toBeUndefined();
  });

  it("draws over a picture of other parameters", async () => {
    const context = newContext();
    const frame = newFrame();
    await drawFrame(context, frame);
    const second = await drawFrame(context, { ...frame, params: { ...PARAMS, seed: "8" }, attempt: 2 });
    expect(context.drawn()).toBe(2);
    expect(second).toMatchObject({ seed: "8", attempt: 2 });
  });

  it("tells few steps, the last one always, and a preview as JPEG", async () => {
    const frame = newFrame();
    const context = newContext(({ onStep, onPreview }) => {
      for (let step = 1; step <= 40; step++) onStep?.(step, 40);
      onPreview?.(new Uint8Array(2 * 2 * 3), 2, 2);
      onPreview?.(new Uint8Array(2 * 2 * 3), 2, 2);
    });
    await drawFrame(context, frame);
    expect(frame.told).toEqual([1, 40, expect.stringMatching(/^\/9j\//)]);
  });

  it("stores nothing for a frame that was canceled meanwhile", async () => {
    const controller = new AbortController();
    const canceled = new FarmError("canceled", "Cannot go on");
    const context = newContext(() => controller.abort(canceled));
    const frame = newFrame({ signal: controller.signal });
    await expect(drawFrame(context, frame)).rejects.toBe(canceled);
    expect(await context.store.get(`jobs/${frame.jobId}/0.png`)).toBeUndefined();
  });

  it("gives the engine the stored image, and no other", async () => {
    const given: (Uint8Array | undefined)[] = [];
    const context = newContext(({ initImage }) => given.push(initImage));
    const frame = newFrame();
    const rgb = Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, index) => index % 256);
    const size = { width: SIZE, height: SIZE };
    const { bytes: png } = await encodeImage({
      ...size,
      rgb,
      format: "png",
      quality: 90,
      record: describePicture(context.engine.info, PARAMS),
    });
    await context.store.put(inputKey(frame.jobId), png, { contentType: "image/png", metadata: {} });
    const sha256 = createHash("sha256").update(png).digest("hex");
    await drawFrame(context, { ...frame, params: { ...PARAMS, init_image: { sha256, strength: 0.5 } } });
    expect(given).toEqual([rgb]);
    const other = { ...PARAMS, init_image: { sha256: "0".repeat(64), strength: 0.5 } };
    await expect(drawFrame(context, { ...frame, params: other })).rejects.toMatchObject({
      code: "store_unavailable",
    });
    await expect(drawFrame(context, newFrame({ params: other }))).rejects.toMatchObject({
      code: "store_unavailable",
    });
    await drawFrame(context, newFrame());
    expect(given).toHaveLength(2);
    expect(given[1]).toBeUndefined();
  });

  it("weighs the frame by its job's priority, and stores the same picture", async () => {
    const weights: (number | undefined)[] = [];
    const context = newContext(({ weight }) => weights.push(weight));
    for (const priority of PRIORITIES) await drawFrame(context, newFrame({ priority }));
    expect(weights).toEqual([1, 2, 4]);
    const frame = newFrame({ priority: "low" });
    await drawFrame(context, frame);
    await drawFrame(context, { ...frame, priority: "high", attempt: 2 });
    expect(context.drawn()).toBe(4);
  });

  it("goes on from what an earlier attempt left, and says from which step", async () => {
    const loads: number[] = [];
    const frameOf = (attempt: number) =>
      newFrame({
        attempt,
        loadSnapshot: async () => {
          loads.push(attempt);
          return Uint8Array.of(3);
        },
      });
    expect(await drawFrame(newContext(), frameOf(1))).not.toHaveProperty("resumed_from_step");
    expect(await drawFrame(newContext(), frameOf(2))).toMatchObject({ resumed_from_step: 3 });
    expect(loads).toEqual([2]);
  });

  it("keeps the snapshot of an interrupted frame before it gives it back", async () => {
    const kept: number[] = [];
    const frame = newFrame({
      saveSnapshot: async (bytes, step) => {
        await Promise.resolve();
        kept.push(bytes.length, step);
      },
    });
    const context = newContext(({ onSnapshot }) => {
      onSnapshot?.({ bytes: new Uint8Array(10), step: 2, steps: 4 });
      throw new FarmError("interrupted", "Cannot go on");
    });
    await expect(drawFrame(context, frame)).rejects.toMatchObject({ code: "interrupted" });
    expect(kept).toEqual([10, 2]);
  });

  it("gives the frame back when the engine does not start", async () => {
    const context = newContext(() => {
      throw new FarmError("engine_unavailable", "Cannot start the engine");
    });
    const failed = drawFrame(context, newFrame());
    await expect(failed).rejects.toMatchObject({
      code: "interrupted",
      cause: { code: "engine_unavailable" },
    });
  });
});
