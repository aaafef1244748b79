import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { REPOSITORY_ROOT } from "../../harness/index.js";
import { GPUS } from "./assumptions.js";
import { DEFAULTS, makePool } from "./policies.js";

const VALUES = path.join(REPOSITORY_ROOT, "helm", "latentfarm", "values.yaml");
const PAGE = path.join(REPOSITORY_ROOT, "docs", "autoscaling.md");

/** The pool that every pool of the chart starts from, as the simulation has it. */
const SIMULATED = {
  concurrency: DEFAULTS.slots,
  drainSeconds: DEFAULTS.drainSeconds,
  scaling: {
    minReplicas: DEFAULTS.minReplicas,
    maxReplicas: DEFAULTS.maxReplicas,
    targetBacklogSeconds: DEFAULTS.targetBacklogSeconds,
    rate: GPUS.l4.rate,
    share: 1,
    pollingInterval: DEFAULTS.pollingSeconds,
    cooldownPeriod: DEFAULTS.cooldownSeconds,
    fallback: { failureThreshold: DEFAULTS.fallbackFailures, replicas: DEFAULTS.fallbackReplicas },
    scaleUp: {
      stabilizationSeconds: DEFAULTS.upStabilizationSeconds,
      pods: 4,
      percent: 100,
      periodSeconds: 15,
    },
    scaleDown: {
      stabilizationSeconds: DEFAULTS.downStabilizationSeconds,
      pods: DEFAULTS.downPods,
      periodSeconds: DEFAULTS.downPeriodSeconds,
    },
  },
};

describe("the defaults of scaling", () => {
  it("are in the chart's values as they were simulated", () => {
    const { workers } = parse(readFileSync(VALUES, "utf8"));
    expect(workers.defaults).toMatchObject(SIMULATED);
  });

  it("stand in the page, each in a row of its own", () => {
    const page = readFileSync(PAGE, "utf8");
    for (const [name, value] of rowsOf(SIMULATED)) {
      expect(page).toMatch(new RegExp(`^\\| \`${name.replaceAll(".", "\\.")}\` \\| ${value} \\|`, "m"));
    }
  });

  it("are what a pool of the simulation is scaled by", () => {
    const { scaling, slots } = makePool();
    expect(slots).toBe(SIMULATED.concurrency);
    expect(scaling).toMatchObject({
      configuredRate: SIMULATED.scaling.rate,
      keda: {
        hpa: {
          metricType: "average_value",
          up: { policies: [{ value: 100 }, { value: 4 }], select: "max" },
          down: { stabilizationSeconds: 600, policies: [{ type: "pods", value: 1, periodSeconds: 60 }] },
        },
        activation: 0,
      },
    });
  });
});

/** Every value with its path below `workers.defaults`. */
function rowsOf(values: object, prefix = ""): readonly (readonly [string, unknown])[] {
  return Object.entries(values).flatMap(([name, value]) =>
    typeof value === "object" ? rowsOf(value, `${prefix}${name}.`) : [[`${prefix}${name}`, value] as const],
  );
}
