import type { ModelFolder } from "@latentfarm/sd35";
import type { PrecisionPlan } from "../device/precision-plan.js";
import type { Device, RunCommand } from "../device/probe-device.js";

/** How one check ended. `figures` are what it measured, in the unit that the name ends with. */
export interface CheckOutcome {
  readonly status: "pass" | "fail" | "skip";
  readonly detail: string;
  readonly figures?: Readonly<Record<string, number>>;
}

/** A check with its outcome. */
export interface CheckResult extends CheckOutcome {
  readonly name: string;
}

/** What the checks go by. */
export interface CheckContext {
  readonly device: Device;
  /** The plan of the GPU, or why there is none. */
  readonly plan:
    | Extract<PrecisionPlan, { kind: "cuda" }>
    | { readonly kind: "none"; readonly reason: string };
  readonly folder: ModelFolder;
  readonly run: RunCommand;
  readonly environment: Readonly<Record<string, string>>;
  /** A folder for files of the checks. */
  readonly scratch: string;
}

/** One thing to find out about a machine. */
export interface Check {
  readonly name: string;
  /** A check of the GPU is skipped where there is none. */
  readonly run: (context: CheckContext) => Promise<CheckOutcome>;
}

/** A passed check. */
export function pass(detail: string, figures?: Readonly<Record<string, number>>): CheckOutcome {
  return { status: "pass", detail, ...(figures && { figures }) };
}

/** A failed check. */
export function fail(detail: string, figures?: Readonly<Record<string, number>>): CheckOutcome {
  return { status: "fail", detail, ...(figures && { figures }) };
}

/** A check that needs the GPU: skipped where the plan has none. */
export function gpuCheck(
  name: string,
  run: (context: CheckContext, plan: Extract<PrecisionPlan, { kind: "cuda" }>) => Promise<CheckOutcome>,
): Check {
  return {
    name,
    run: async (context) => {
      const { plan } = context;
      return plan.kind === "cuda" ? run(context, plan) : { status: "skip", detail: plan.reason };
    },
  };
}
