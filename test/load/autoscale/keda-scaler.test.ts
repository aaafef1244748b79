import { describe, expect, it } from "vitest";
import { KedaScaler, type KedaSettings } from "./keda-scaler.js";
import { DEFAULTS, makePool, type PolicyOptions } from "./policies.js";

const SECOND = 1_000;
const pods = (replicas: number) => ({ replicas, ready: replicas });

function settings(options: PolicyOptions): KedaSettings {
  const { scaling } = makePool(options);
  if ("replicas" in scaling) throw new RangeError("Cannot take the settings of a fixed fleet");
  return scaling.keda;
}

describe("KedaScaler", () => {
  it("wakes the first worker at the first work, and no sooner", () => {
    const keda = new KedaScaler(settings({ min: 0 }));
    expect(keda.poll(0, 0, pods(0))).toBe(0);
    expect(keda.poll(15 * SECOND, 0.1, pods(0))).toBe(1);
  });

  it("lets the last worker go a cooldown after the last work", () => {
    const keda = new KedaScaler(settings({ min: 0, cooldownSeconds: 300 }));
    keda.poll(0, 5, pods(1));
    expect(keda.poll(300 * SECOND, 0, pods(1))).toBe(1);
    expect(keda.poll(301 * SECOND, 0, pods(1))).toBe(0);
  });

  it("keeps the last worker where one is to stay", () => {
    const keda = new KedaScaler(settings({ min: 1 }));
    expect(keda.poll(10_000 * SECOND, 0, pods(1))).toBe(1);
  });

  it("falls back after so many failures, and takes no worker away then", () => {
    const keda = new KedaScaler(settings({ min: 1, fallbackReplicas: 4 }));
    const sync = (at: number, replicas: number, metric?: number) =>
      keda.sync(at * 15 * SECOND, metric, pods(replicas));
    expect([0, 1, 2].map((at) => sync(at, 1))).toEqual([1, 1, 1]);
    expect(sync(3, 1)).toBe(4);
    expect(sync(4, 9)).toBe(9);
    // One answer ends it.
    expect(sync(5, 4, 4 * DEFAULTS.targetBacklogSeconds)).toBe(4);
    expect(sync(6, 1)).toBe(1);
  });

  // Source: kedacore/keda, issue 7239.
  it("neither wakes a pool that sleeps nor puts one to sleep while the metric is lost", () => {
    const keda = new KedaScaler(settings({ min: 0, cooldownSeconds: 60 }));
    const at = [0, 100, 200, 300];
    expect(at.map((seconds) => keda.poll(seconds * SECOND, undefined, pods(0)))).toEqual([0, 0, 0, 0]);
    expect(at.map((seconds) => keda.poll(seconds * SECOND, undefined, pods(3)))).toEqual([3, 3, 3, 3]);
  });
});
