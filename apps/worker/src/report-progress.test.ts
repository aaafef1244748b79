import { describe, expect, it } from "vitest";
import { createReporter } from "./report-progress.js";

describe("createReporter()", () => {
  it("lets few steps pass and the last one always", async () => {
    let nowMs = 0;
    const told: number[] = [];
    const reporter = createReporter(
      { progress: async (step) => void told.push(step), preview: async () => undefined },
      () => nowMs,
    );
    for (let step = 1; step <= 10; step++) {
      reporter.step(step, 10);
      await reporter.settled();
      nowMs += 99;
    }
    expect(told).toEqual([1, 4, 7, 10]);
  });

  it("lets nothing pile up behind a queue that is away", async () => {
    let nowMs = 0;
    const told: number[] = [];
    let answer: () => void = () => undefined;
    const away = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const reporter = createReporter(
      {
        progress: async (step) => {
          told.push(step);
          await away;
        },
        preview: async () => undefined,
      },
      () => nowMs,
    );
    for (let step = 1; step <= 100; step++) {
      reporter.step(step, 100);
      nowMs += 1_000;
    }
    answer();
    await reporter.settled();
    expect(told).toEqual([1, 100]);
  });

  it("goes on after a preview that cannot be encoded", async () => {
    const told: number[] = [];
    const reporter = createReporter(
      { progress: async (step) => void told.push(step), preview: async () => undefined },
      () => 0,
    );
    reporter.preview(new Uint8Array(1), 2, 2);
    reporter.step(1, 1);
    await reporter.settled();
    expect(told).toEqual([1]);
  });
});
