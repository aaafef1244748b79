import type { PrecisionPlanName } from "@latentfarm/contract";
import type { ComponentGraph, GraphTarget } from "@latentfarm/sd35";
import { checkMemoryBudget, storedBytes } from "./device/memory-budget.js";
import { CPU_PLAN, PLAN_TARGETS, type PrecisionPlan } from "./device/precision-plan.js";
import { createSession, type Session } from "./session.js";

/** Where a pipeline's components run: the one thing that differs between a CPU and a GPU. */
export interface Runtime {
  readonly plan: PrecisionPlanName;
  /** What the graphs are to be built for. */
  readonly target: GraphTarget;
  /**
   * Checks that these components can be resident together.
   * @throws {FarmError} config_invalid when they do not fit
   */
  checkFit(graphs: readonly ComponentGraph[]): void;
  /**
   * Opens a component.
   * @throws {FarmError} model_invalid when onnxruntime refuses it
   */
  open(graph: ComponentGraph, options: { readonly keepArena: boolean }): Promise<Session>;
}

/** The runtime of a plan. */
export function createRuntime(
  options: { readonly plan?: PrecisionPlan; readonly threads?: number } = {},
): Runtime {
  const { plan = CPU_PLAN, threads = 0 } = options;
  return {
    plan: plan.name,
    target: PLAN_TARGETS[plan.kind],
    checkFit: (graphs) => checkMemoryBudget(plan, storedBytes(graphs)),
    open: (graph, { keepArena }) => createSession(graph, { plan, threads, keepArena }),
  };
}
