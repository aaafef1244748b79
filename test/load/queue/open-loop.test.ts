import { expect, test } from "vitest";
import { type LoopClock, runOpenLoop } from "./open-loop.js";

/** A clock that moves only when somebody sleeps on it. */
class FakeClock implements LoopClock {
  #nowMs = 1_000;
  #sleepers: { untilMs: number; wake: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number): Promise<void> {
    const untilMs = this.#nowMs + Math.max(ms, 0);
    const woken = new Promise<void>((wake) => this.#sleepers.push({ untilMs, wake }));
    setImmediate(() => this.#wakeNext());
    return woken;
  }

  #wakeNext(): void {
    this.#sleepers.sort((a, b) => a.untilMs - b.untilMs);
    const next = this.#sleepers.shift();
    if (next === undefined) return;
    this.#nowMs = Math.max(this.#nowMs, next.untilMs);
    next.wake();
  }
}

test("runOpenLoop() sends at the given rate whatever the answers take", async () => {
  const clock = new FakeClock();
  const sentAt: number[] = [];
  const result = await runOpenLoop({
    ratePerSecond: 100,
    count: 10,
    inFlightMax: 100,
    clock,
    async send() {
      sentAt.push(clock.nowMs());
      await clock.sleep(45);
      return true;
    },
  });
  expect(sentAt).toEqual([1000, 1010, 1020, 1030, 1040, 1050, 1060, 1070, 1080, 1090]);
  expect(result.latenciesMs).toEqual(Array.from({ length: 10 }, () => 45));
  expect(result).toMatchObject({ failed: 0, unsent: 0, elapsedMs: 135 });
});

test("runOpenLoop() counts from when a call was due, so that a stall hits all that came due in it", async () => {
  const clock = new FakeClock();
  let stalled = false;
  const stalling: LoopClock = {
    nowMs: () => clock.nowMs(),
    // The generator itself is held up for 50 ms once.
    async sleep(ms) {
      await clock.sleep(stalled ? ms : 50);
      stalled = true;
    },
  };
  const result = await runOpenLoop({
    ratePerSecond: 100,
    count: 6,
    inFlightMax: 100,
    clock: stalling,
    send: async () => true,
  });
  expect(result.lateMs).toEqual([0, 40, 30, 20, 10, 0]);
  expect(result.latenciesMs).toEqual([0, 40, 30, 20, 10, 0]);
});

test("runOpenLoop() counts refused, failed and unsent calls apart from latencies", async () => {
  const clock = new FakeClock();
  const result = await runOpenLoop({
    ratePerSecond: 1_000,
    count: 5,
    inFlightMax: 3,
    clock,
    async send(index) {
      await clock.sleep(100);
      if (index === 1) throw new Error("no answer");
      return index !== 2;
    },
  });
  expect(result.latenciesMs).toHaveLength(1);
  expect(result).toMatchObject({ failed: 2, unsent: 2 });
});
