import { FarmError } from "@latentfarm/contract";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { startPoller } from "./poller.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

it("startPoller() runs one at a time, and once more when it was woken meanwhile", async () => {
  let runs = 0;
  let finish: () => void = () => undefined;
  const poller = startPoller({
    name: "x",
    intervalMs: 1_000,
    log: SILENT,
    run: () => {
      runs++;
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    },
  });
  await vi.advanceTimersByTimeAsync(3_500);
  poller.wake();
  expect(runs).toBe(1);
  finish();
  await vi.advanceTimersByTimeAsync(0);
  expect(runs).toBe(2);
  finish();
  await vi.advanceTimersByTimeAsync(0);
  expect(runs).toBe(2);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(runs).toBe(3);
  const closed = poller[Symbol.asyncDispose]();
  poller.wake();
  finish();
  await closed;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(runs).toBe(3);
});

it("startPoller() goes on after a failure, and logs all but a queue that is away", async () => {
  const logged: unknown[] = [];
  const bug = new Error("bug");
  const failures = [new FarmError("queue_unavailable", "away"), bug];
  const run = vi.fn(async () => {
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
  });
  const log = {
    ...SILENT,
    error: (fields: Readonly<Record<string, unknown>>) => void logged.push(fields),
  };
  await using _poller = startPoller({ name: "x", intervalMs: 1_000, log, run });
  await vi.advanceTimersByTimeAsync(2_500);
  expect(run).toHaveBeenCalledTimes(3);
  expect(logged).toEqual([{ work: "x", err: bug }]);
});
