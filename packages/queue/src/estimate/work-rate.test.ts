import { describe, expect, it } from "vitest";
import { RATE_HALF_LIFE_MS } from "../limits.js";
import { WorkRate } from "./work-rate.js";

function clocked() {
  const clock = { ms: 0 };
  return { clock, rate: new WorkRate(() => clock.ms) };
}

function draw(
  { clock, rate }: ReturnType<typeof clocked>,
  frame: { readonly ms: number; readonly cost: number },
) {
  rate.begin();
  clock.ms += frame.ms;
  rate.end(frame.cost);
}

describe("WorkRate", () => {
  it("knows nothing before the first frame is drawn", () => {
    const { clock, rate } = clocked();
    expect(rate.value).toBeNull();
    rate.begin();
    clock.ms += 1_000;
    expect(rate.value).toBeNull();
    rate.end(0);
    expect(rate.value).toBeNull();
  });

  it("divides what was drawn by the time in which frames were in flight, not by idle time", () => {
    const worker = clocked();
    draw(worker, { ms: 2_000, cost: 6 });
    worker.clock.ms += 3_600_000;
    expect(worker.rate.value).toBeCloseTo(3);
    draw(worker, { ms: 2_000, cost: 6 });
    expect(worker.rate.value).toBeCloseTo(3);
  });

  it("counts the time of frames side by side once", () => {
    const { clock, rate } = clocked();
    rate.begin();
    clock.ms += 500;
    rate.begin();
    clock.ms += 500;
    rate.end(4);
    clock.ms += 1_000;
    rate.end(4);
    expect(rate.value).toBeCloseTo(4, 1);
  });

  it("counts the time of a frame that failed as time without work", () => {
    const worker = clocked();
    draw(worker, { ms: 1_000, cost: 4 });
    draw(worker, { ms: 1_000, cost: 0 });
    draw(worker, { ms: 1_000, cost: 4 });
    expect(worker.rate.value).toBeCloseTo(8 / 3, 1);
  });

  it("forgets half within the half-life", () => {
    const worker = clocked();
    for (let at = 0; at < 100; at++) draw(worker, { ms: RATE_HALF_LIFE_MS, cost: RATE_HALF_LIFE_MS / 1_000 });
    expect(worker.rate.value).toBeCloseTo(1);
    draw(worker, { ms: RATE_HALF_LIFE_MS, cost: (3 * RATE_HALF_LIFE_MS) / 1_000 });
    // Half of all that it knows is the newest half-life's.
    expect(worker.rate.value).toBeCloseTo(2);
  });

  it("holds through frames that take longer than the half-life", () => {
    const worker = clocked();
    const frame = { ms: 5 * RATE_HALF_LIFE_MS, cost: 600 };
    const expected = frame.cost / (frame.ms / 1_000);
    draw(worker, frame);
    draw(worker, frame);
    worker.rate.begin();
    for (let part = 0; part < 10; part++) {
      worker.clock.ms += frame.ms / 10;
      expect(worker.rate.value).toBeCloseTo(expected);
    }
    worker.rate.end(frame.cost);
    expect(worker.rate.value).toBeCloseTo(expected);
  });
});
