import { FarmError, type FrameParams, type ModelInfo } from "@latentfarm/contract";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CPU_PLAN } from "../device/precision-plan.js";
import type { ChildMessage, HostMessage } from "../ipc/messages.js";
import type { EngineEvents, EngineProcess } from "./engine-process.js";
import { FRAME_CRASHES_MAX } from "./frame-ledger.js";
import {
  CLOSE_MAX_MS,
  EngineSupervisor,
  FAILED_STARTS_MAX,
  RESTART_DELAY_MAX_MS,
  RESTART_DELAY_MS,
  SUSPEND_MS_MAX,
} from "./supervisor.js";

const MODEL: ModelInfo = {
  name: "fake",
  architecture: "sd3.5-large",
  defaults: {
    width: 64,
    height: 64,
    steps: 2,
    guidance_scale: 1,
    sampler: "euler",
    scheduler: "normal",
    shift: 3,
  },
  limits: { width_max: 96, height_max: 96, size_multiple: 16 },
  samplers: ["euler"],
  schedulers: ["normal"],
};
const PARAMS: FrameParams = {
  prompt: "a sun",
  negative_prompt: "",
  model: "fake",
  width: 64,
  height: 64,
  steps: 2,
  guidance_scale: 1,
  sampler: "euler",
  scheduler: "normal",
  shift: 3,
  seed: "1",
  output_format: "png",
  output_quality: 90,
};
const FRAME = {
  rgb: new Uint8Array(3),
  width: 1,
  height: 1,
  timings: { text_ms: 0, steps_ms: 0, vae_ms: 0 },
  moments: { text_begun: 4, steps_begun: 3, steps_done: 2, vae_begun: 1 },
  notes: [],
  resumed_from_step: 0,
  batch_rows_max: 2,
};

/** An engine process that does what the test says. */
class FakeEngine implements EngineProcess {
  readonly pid: number;
  readonly sent: HostMessage[] = [];
  readonly events: EngineEvents;
  constructor(pid: number, events: EngineEvents) {
    this.pid = pid;
    this.events = events;
  }
  send(message: HostMessage): void {
    this.sent.push(message);
  }
  kill(): void {
    this.events.onExit({ code: null, signal: "SIGKILL" });
  }
  say(message: ChildMessage): void {
    this.events.onMessage(message);
  }
  /** Ids of the frames it was given. */
  frames(): number[] {
    return this.sent.flatMap((message) => (message.type === "render" ? [message.id] : []));
  }
}

/** A supervisor whose engines are fakes; `engines` grows with each start. */
function fakeSupervisor() {
  const engines: FakeEngine[] = [];
  const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const supervisor = new EngineSupervisor({
    modelDir: "/models/fake",
    threads: 1,
    snapshotSteps: 5,
    onnxruntime: "1.0.0",
    plan: CPU_PLAN,
    log,
    spawn: (events) => {
      const engine = new FakeEngine(100 + engines.length, events);
      engines.push(engine);
      return engine;
    },
  });
  const latest = (): FakeEngine => {
    const engine = engines.at(-1);
    if (engine === undefined) throw new Error("no engine was started");
    return engine;
  };
  return { supervisor, engines, latest, log };
}

async function startedSupervisor() {
  const fake = fakeSupervisor();
  const started = fake.supervisor.start();
  fake.latest().say({ type: "ready", model: MODEL });
  await started;
  return fake;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("EngineSupervisor", () => {
  test("start() opens the model and tells who is ready", async () => {
    const { supervisor, latest } = await startedSupervisor();
    expect(latest().sent).toEqual([
      { type: "open", modelDir: "/models/fake", threads: 1, plan: CPU_PLAN, snapshotSteps: 5 },
    ]);
    expect(supervisor.info).toEqual({
      pid: 100,
      model: MODEL,
      plan: "cpu",
      onnxruntime: "1.0.0",
      restarts: 0,
    });
  });

  test("render() tells the engine the frame's weight, again after a crash", async () => {
    const { supervisor, engines, latest } = await startedSupervisor();
    const rendering = supervisor.render(PARAMS, { weight: 4 });
    latest().kill();
    await vi.advanceTimersByTimeAsync(RESTART_DELAY_MS);
    latest().say({ type: "ready", model: MODEL });
    const told = engines.map(({ sent }) => sent.find(({ type }) => type === "render"));
    expect(told).toEqual([expect.objectContaining({ weight: 4 }), expect.objectContaining({ weight: 4 })]);
    const ended = expect(rendering).rejects.toMatchObject({ code: "interrupted" });
    const closing = supervisor[Symbol.asyncDispose]();
    latest().kill();
    await Promise.all([ended, closing]);
  });

  test("start() rejects with the engine's refusal and starts nothing again", async () => {
    const { supervisor, latest, engines } = fakeSupervisor();
    const started = supervisor.start();
    const error = { code: "model_invalid", message: "Cannot open the model", details: {} } as const;
    latest().say({ type: "refused", error });
    latest().events.onExit({ code: 0, signal: null });
    await expect(started).rejects.toMatchObject({ code: "model_invalid" });
    await vi.advanceTimersByTimeAsync(RESTART_DELAY_MAX_MS);
    expect(engines).toHaveLength(1);
    await expect(supervisor.render(PARAMS)).rejects.toMatchObject({ code: "interrupted" });
  });

  test("start() rejects when the process ends before it is ready", async () => {
    const { supervisor, latest } = fakeSupervisor();
    const started = supervisor.start();
    latest().events.onExit({ code: 1, signal: null });
    await expect(started).rejects.toMatchObject({ code: "engine_unavailable" });
  });

  test("start() ends at once when it is told to stop, and an engine that is ready goes on", async () => {
    const { supervisor, engines, latest } = fakeSupervisor();
    const loading = new AbortController();
    const started = supervisor.start(loading.signal);
    loading.abort();
    await expect(started).rejects.toMatchObject({ code: "interrupted" });
    await expect(supervisor.start(AbortSignal.abort())).rejects.toMatchObject({ code: "interrupted" });
    await vi.advanceTimersByTimeAsync(RESTART_DELAY_MAX_MS);
    expect(engines).toHaveLength(1);
    const other = fakeSupervisor();
    const later = new AbortController();
    const ready = other.supervisor.start(later.signal);
    other.latest().say({ type: "ready", model: MODEL });
    await ready;
    later.abort();
    expect(other.supervisor.info.pid).toBe(other.latest().pid);
    expect(latest().sent).toHaveLength(1);
  });

  test("render() passes steps and previews on and gives the picture", async () => {
    const { supervisor, latest } = await startedSupervisor();
    const onStep = vi.fn();
    const onPreview = vi.fn();
    const rendered = supervisor.render(PARAMS, { onStep, onPreview });
    const [id = 0] = latest().frames();
    expect(latest().sent.at(-1)).toEqual({ type: "render", id, params: PARAMS, previews: true });
    latest().say({ type: "step", id, step: 1, steps: 2 });
    latest().say({ type: "preview", id, rgb: new Uint8Array(3), width: 1, height: 1 });
    latest().say({ type: "rendered", id, frame: FRAME });
    expect(await rendered).toEqual(FRAME);
    expect(onStep.mock.calls).toEqual([[1, 2]]);
    expect(onPreview).toHaveBeenCalledOnce();
  });

  test("render() cancels at once and passes over the answer that crosses", async () => {
    const { supervisor, latest } = await startedSupervisor();
    const controller = new AbortController();
    const rendered = supervisor.render(PARAMS, { signal: controller.signal });
    const [id = 0] = latest().frames();
    controller.abort();
    await expect(rendered).rejects.toMatchObject({ code: "canceled" });
    expect(latest().sent.at(-1)).toEqual({ type: "cancel", id });
    latest().say({ type: "rendered", id, frame: FRAME });
    await supervisor.drain();
  });

  test("gives frames in flight to the engine that follows a crashed one", async () => {
    const { supervisor, engines, latest, log } = await startedSupervisor();
    const rendered = supervisor.render(PARAMS);
    latest().kill();
    expect(supervisor.info.pid).toBeNull();
    const late = supervisor.render(PARAMS);
    await vi.advanceTimersByTimeAsync(RESTART_DELAY_MAX_MS);
    expect(engines).toHaveLength(2);
    expect(latest().frames()).toEqual([]);
    latest().say({ type: "ready", model: MODEL });
    const ids = latest().frames();
    expect(ids).toHaveLength(2);
    for (const id of ids) latest().say({ type: "rendered", id, frame: FRAME });
    expect(await Promise.all([rendered, late])).toEqual([FRAME, FRAME]);
    expect(supervisor.info).toMatchObject({ pid: 101, restarts: 1 });
    expect(log.warn).toHaveBeenCalledWith(
      expect.objectContaining({ signal: "SIGKILL", framesInFlight: 1 }),
      "engine exited",
    );
  });

  test("gives the engine after a crash the newest snapshot of each frame", async () => {
    const { supervisor, latest } = await startedSupervisor();
    const [onSnapshot, onResume] = [vi.fn(), vi.fn()];
    const rendered = supervisor.render(PARAMS, { resume: Uint8Array.of(1), onSnapshot, onResume });
    const [id = 0] = latest().frames();
    expect(latest().sent.at(-1)).toMatchObject({ resume: Uint8Array.of(1) });
    latest().say({ type: "resume", id, outcome: { kind: "refused", reason: "it is of other weights" } });
    for (const step of [1, 2]) {
      latest().say({ type: "snapshot", id, saved: { bytes: Uint8Array.of(10 + step), step, steps: 3 } });
    }
    latest().kill();
    await vi.advanceTimersByTimeAsync(RESTART_DELAY_MAX_MS);
    latest().say({ type: "ready", model: MODEL });
    expect(latest().sent.at(-1)).toMatchObject({ type: "render", id, resume: Uint8Array.of(12) });
    latest().say({ type: "rendered", id, frame: FRAME });
    await rendered;
    expect(onSnapshot.mock.calls.map(([saved]) => saved.step)).toEqual([1, 2]);
    expect(onResume).toHaveBeenCalledExactlyOnceWith({ kind: "refused", reason: "it is of other weights" });
  });

  test("render() waits for the snapshot of an interrupted frame", async () => {
    const { supervisor, latest } = await startedSupervisor();
    const controller = new AbortController();
    const onSnapshot = vi.fn();
    const rendered = supervisor.render(PARAMS, { signal: controller.signal, onSnapshot });
    const failure = expect(rendered).rejects.toMatchObject({ code: "interrupted" });
    const [id = 0] = latest().frames();
    controller.abort(new FarmError("interrupted", "Cannot go on"));
    expect(latest().sent.at(-1)).toEqual({ type: "suspend", id });
    latest().say({ type: "snapshot", id, saved: { bytes: Uint8Array.of(1), step: 1, steps: 2 } });
    expect(onSnapshot).toHaveBeenCalledOnce();
    const error = { code: "interrupted", message: "Cannot go on", details: {} } as const;
    latest().say({ type: "failed", id, error });
    await failure;
    expect(vi.getTimerCount()).toBe(0);
  });

  test("render() waits no longer than its bound for an interrupted frame's step", async () => {
    const { supervisor, latest } = await startedSupervisor();
    const controller = new AbortController();
    const rendered = supervisor.render(PARAMS, { signal: controller.signal, onSnapshot: () => undefined });
    const failure = expect(rendered).rejects.toMatchObject({ code: "interrupted" });
    const [id = 0] = latest().frames();
    controller.abort(new FarmError("interrupted", "Cannot go on"));
    await vi.advanceTimersByTimeAsync(SUSPEND_MS_MAX);
    await failure;
    expect(latest().sent.at(-1)).toEqual({ type: "cancel", id });
    await supervisor.drain();
  });

  test("fails a frame that is part of too many crashes, and not the one that came later", async () => {
    const { supervisor, latest } = await startedSupervisor();
    const rendered = supervisor.render(PARAMS);
    const failure = expect(rendered).rejects.toMatchObject({ code: "engine_crashed" });
    for (let crash = 1; crash < FRAME_CRASHES_MAX; crash += 1) {
      latest().kill();
      await vi.advanceTimersByTimeAsync(RESTART_DELAY_MAX_MS);
      latest().say({ type: "ready", model: MODEL });
    }
    const late = supervisor.render(PARAMS);
    latest().kill();
    await failure;
    await vi.advanceTimersByTimeAsync(RESTART_DELAY_MAX_MS);
    latest().say({ type: "ready", model: MODEL });
    const [id = 0] = latest().frames();
    latest().say({ type: "rendered", id, frame: FRAME });
    expect(await late).toEqual(FRAME);
  });

  test("gives frames back when the engine does not start again, and goes on trying", async () => {
    const { supervisor, engines, latest } = await startedSupervisor();
    const rendered = supervisor.render(PARAMS);
    const failure = expect(rendered).rejects.toMatchObject({ code: "engine_unavailable" });
    latest().kill();
    for (let start = 0; start < FAILED_STARTS_MAX; start += 1) {
      await vi.advanceTimersByTimeAsync(RESTART_DELAY_MAX_MS);
      latest().events.onExit({ code: 1, signal: null });
    }
    await failure;
    await vi.advanceTimersByTimeAsync(RESTART_DELAY_MAX_MS);
    expect(engines).toHaveLength(FAILED_STARTS_MAX + 2);
  });

  test("disposal gives frames back, asks the engine to end and kills it after the deadline", async () => {
    const { supervisor, latest, engines } = await startedSupervisor();
    const rendered = supervisor.render(PARAMS);
    const failure = expect(rendered).rejects.toMatchObject({ code: "interrupted" });
    const disposed = supervisor[Symbol.asyncDispose]();
    await failure;
    expect(latest().sent.at(-1)).toEqual({ type: "close" });
    await vi.advanceTimersByTimeAsync(CLOSE_MAX_MS);
    await disposed;
    await vi.advanceTimersByTimeAsync(RESTART_DELAY_MAX_MS);
    expect(engines).toHaveLength(1);
  });

  test("drain() waits for the frames in flight", async () => {
    const { supervisor, latest } = await startedSupervisor();
    const rendered = supervisor.render(PARAMS);
    let drained = false;
    const drain = supervisor.drain().then(() => {
      drained = true;
    });
    await vi.advanceTimersByTimeAsync(1);
    expect(drained).toBe(false);
    const [id = 0] = latest().frames();
    latest().say({ type: "rendered", id, frame: FRAME });
    await Promise.all([rendered, drain]);
  });
});
