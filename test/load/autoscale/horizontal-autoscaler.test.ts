import { describe, expect, it } from "vitest";
import {
  HorizontalAutoscaler,
  type HpaSettings,
  proposeReplicas,
  type ScalingRules,
} from "./horizontal-autoscaler.js";

const SECOND = 1_000;
const pods = (replicas: number, ready = replicas) => ({ replicas, ready });

/** The defaults of kubernetes.io, "Horizontal Pod Autoscaling", "Default Behavior". */
const UP: ScalingRules = {
  stabilizationSeconds: 0,
  policies: [
    { type: "percent", value: 100, periodSeconds: 15 },
    { type: "pods", value: 4, periodSeconds: 15 },
  ],
  select: "max",
};
const DOWN: ScalingRules = {
  stabilizationSeconds: 300,
  policies: [{ type: "percent", value: 100, periodSeconds: 15 }],
  select: "max",
};

function settings(changes: Partial<HpaSettings> = {}): HpaSettings {
  return { metricType: "average_value", target: 100, min: 1, max: 1_000, up: UP, down: DOWN, ...changes };
}

/** Syncs every 15 s at the same metric, each time with the replicas of the time before. */
function follow(hpa: HorizontalAutoscaler, metric: number, from: number, syncs: number, stepSeconds = 15) {
  const counts: number[] = [];
  let replicas = from;
  for (let at = 0; at < syncs; at++) {
    replicas = hpa.sync(at * stepSeconds * SECOND, metric, pods(replicas));
    counts.push(replicas);
  }
  return counts;
}

describe("proposeReplicas()", () => {
  // Source: kubernetes.io, "Horizontal Pod Autoscaling", "Algorithm details": 200m of 100m doubles, 50m of 100m halves.
  it("doubles at twice the target and halves at half of it", () => {
    const value = { metricType: "value", target: 100 } as const;
    expect(proposeReplicas(value, 200, pods(3))).toBe(6);
    expect(proposeReplicas(value, 50, pods(4))).toBe(2);
  });

  it("changes nothing within a tenth of the target, and something beyond it", () => {
    const average = { metricType: "average_value", target: 100 } as const;
    expect(proposeReplicas(average, 1_099, pods(10))).toBe(10);
    expect(proposeReplicas(average, 901, pods(10))).toBe(10);
    expect(proposeReplicas(average, 1_101, pods(10))).toBe(12);
    expect(proposeReplicas(average, 899, pods(10))).toBe(9);
  });

  it("heeds only pods that are ready where the metric is a value, and none where it is an average", () => {
    expect(proposeReplicas({ metricType: "value", target: 100 }, 300, pods(4, 1))).toBe(3);
    expect(proposeReplicas({ metricType: "average_value", target: 100 }, 1_200, pods(4, 1))).toBe(12);
  });
});

describe("HorizontalAutoscaler", () => {
  it("adds four pods or as many again in 15 s by default, whichever is more", () => {
    expect(follow(new HorizontalAutoscaler(settings()), 100_000, 1, 5)).toEqual([5, 10, 20, 40, 80]);
  });

  // Source: kubernetes.io, "Horizontal Pod Autoscaling", "Scaling policies": 80 replicas at 10 % or 4 pods a minute.
  it("goes down by a tenth a minute, and by four pods once a tenth is less", () => {
    const policies = [
      { type: "pods", value: 4, periodSeconds: 60 },
      { type: "percent", value: 10, periodSeconds: 60 },
    ] as const;
    const down: ScalingRules = { stabilizationSeconds: 0, policies, select: "max" };
    const hpa = new HorizontalAutoscaler(settings({ down, min: 10 }));
    const counts = follow(hpa, 0, 80, 14, 60);
    expect(counts.slice(0, 3)).toEqual([72, 64, 57]);
    expect(counts.slice(-7)).toEqual([32, 28, 24, 20, 16, 12, 10]);
  });

  it("holds the most that was proposed within the window down", () => {
    const hpa = new HorizontalAutoscaler(settings());
    expect(hpa.sync(0, 1_000, pods(10))).toBe(10);
    expect(hpa.sync(15 * SECOND, 100, pods(10))).toBe(10);
    expect(hpa.sync(299 * SECOND, 100, pods(10))).toBe(10);
    expect(hpa.sync(300 * SECOND, 100, pods(10))).toBe(1);
  });

  it("waits for the least that was proposed within the window up", () => {
    const hpa = new HorizontalAutoscaler(settings({ up: { ...UP, stabilizationSeconds: 60 } }));
    expect(hpa.sync(0, 200, pods(2))).toBe(2);
    expect(hpa.sync(45 * SECOND, 400, pods(2))).toBe(2);
    expect(hpa.sync(60 * SECOND, 400, pods(2))).toBe(4);
  });

  it("keeps within its bounds, changes nothing without a metric, and is off at zero", () => {
    const hpa = new HorizontalAutoscaler(settings({ min: 2, max: 3 }));
    expect(hpa.sync(0, 100_000, pods(2))).toBe(3);
    expect(hpa.sync(SECOND, 100, pods(1))).toBe(2);
    expect(hpa.sync(2 * SECOND, 100, pods(9))).toBe(3);
    expect(hpa.sync(3 * SECOND, undefined, pods(2))).toBe(2);
    expect(hpa.sync(4 * SECOND, 100_000, pods(0))).toBe(0);
  });
});
