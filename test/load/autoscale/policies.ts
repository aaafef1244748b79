import { COLD_START, GPUS, SPOT, type Spot } from "./assumptions.js";
import type { HpaSettings, ScalingRules } from "./horizontal-autoscaler.js";
import type { KedaSettings } from "./keda-scaler.js";
import { backlogSeconds, type Signal } from "./scaling-signals.js";
import type { PoolPlan } from "./simulate-day.js";

/** What the chart sets by default; a test holds it against helm/latentfarm/values.yaml. */
export const DEFAULTS = {
  /** Seconds of work that one worker may have ahead. */
  targetBacklogSeconds: 60,
  pollingSeconds: 15,
  cooldownSeconds: 600,
  minReplicas: 1,
  maxReplicas: 12,
  upStabilizationSeconds: 0,
  downStabilizationSeconds: 600,
  downPods: 1,
  downPeriodSeconds: 60,
  fallbackFailures: 3,
  fallbackReplicas: 4,
  slots: 2,
  drainSeconds: 60,
} as const;

/** What of a policy differs from the chart's defaults. */
export interface PolicyOptions {
  readonly signal?: Signal;
  readonly metricType?: HpaSettings["metricType"];
  readonly target?: number;
  readonly min?: number;
  readonly max?: number;
  readonly downStabilizationSeconds?: number;
  readonly upStabilizationSeconds?: number;
  readonly downPods?: number;
  readonly downPeriodSeconds?: number;
  readonly pollingSeconds?: number;
  readonly cooldownSeconds?: number;
  readonly fallbackReplicas?: number;
  /** A fixed fleet instead. */
  readonly replicas?: number;
  readonly slots?: number;
  readonly drainSeconds?: number;
  readonly configuredRate?: number;
  readonly spot?: Spot;
  readonly gpu?: keyof typeof GPUS;
  readonly share?: number;
}

/** A pool that is scaled by the defaults but for these. */
export function makePool(options: PolicyOptions = {}): PoolPlan {
  const gpu = GPUS[options.gpu ?? "l4"];
  const { slots = DEFAULTS.slots, share = 1, drainSeconds = DEFAULTS.drainSeconds } = options;
  const keda = makeKeda(options);
  const { signal = backlogSeconds, configuredRate = gpu.rate } = options;
  return {
    name: options.gpu ?? "l4",
    gpu,
    coldStart: COLD_START,
    spot: options.spot ?? SPOT,
    drainMs: drainSeconds * 1_000,
    slots,
    share,
    scaling:
      options.replicas === undefined ? { signal, keda, configuredRate } : { replicas: options.replicas },
  };
}

/** Kubernetes' own rules for the way up: at most double, or four pods, in 15 s. */
function upRules(stabilizationSeconds: number): ScalingRules {
  return {
    stabilizationSeconds,
    policies: [
      { type: "percent", value: 100, periodSeconds: 15 },
      { type: "pods", value: 4, periodSeconds: 15 },
    ],
    select: "max",
  };
}

function makeKeda(options: PolicyOptions): KedaSettings {
  return {
    hpa: {
      metricType: options.metricType ?? "average_value",
      target: options.target ?? DEFAULTS.targetBacklogSeconds,
      min: options.min ?? DEFAULTS.minReplicas,
      max: options.max ?? DEFAULTS.maxReplicas,
      up: upRules(options.upStabilizationSeconds ?? DEFAULTS.upStabilizationSeconds),
      down: {
        stabilizationSeconds: options.downStabilizationSeconds ?? DEFAULTS.downStabilizationSeconds,
        policies: [
          {
            type: "pods",
            value: options.downPods ?? DEFAULTS.downPods,
            periodSeconds: options.downPeriodSeconds ?? DEFAULTS.downPeriodSeconds,
          },
        ],
        select: "max",
      },
    },
    pollingSeconds: options.pollingSeconds ?? DEFAULTS.pollingSeconds,
    cooldownSeconds: options.cooldownSeconds ?? DEFAULTS.cooldownSeconds,
    activation: 0,
    fallback: {
      failures: DEFAULTS.fallbackFailures,
      replicas: options.fallbackReplicas ?? DEFAULTS.fallbackReplicas,
    },
  };
}
