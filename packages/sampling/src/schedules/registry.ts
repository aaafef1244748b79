import { betaSchedule } from "./beta.js";
import { ddimUniformSchedule } from "./ddim-uniform.js";
import { exponentialSchedule } from "./exponential.js";
import { karrasSchedule } from "./karras.js";
import { klOptimalSchedule } from "./kl-optimal.js";
import { linearQuadraticSchedule } from "./linear-quadratic.js";
import { normalSchedule } from "./normal.js";
import type { Schedule } from "./schedule.js";
import { sgmUniformSchedule } from "./sgm-uniform.js";
import { simpleSchedule } from "./simple.js";

/** The schedules on offer, by ComfyUI's names and in its order. */
export const SCHEDULERS = [
  "simple",
  "sgm_uniform",
  "karras",
  "exponential",
  "ddim_uniform",
  "beta",
  "normal",
  "linear_quadratic",
  "kl_optimal",
] as const;

/** The name of a schedule on offer. */
export type SchedulerName = (typeof SCHEDULERS)[number];

/** The schedule behind each name. */
export const SCHEDULES: Readonly<Record<SchedulerName, Schedule>> = {
  simple: simpleSchedule,
  sgm_uniform: sgmUniformSchedule,
  karras: karrasSchedule,
  exponential: exponentialSchedule,
  ddim_uniform: ddimUniformSchedule,
  beta: betaSchedule,
  normal: normalSchedule,
  linear_quadratic: linearQuadraticSchedule,
  kl_optimal: klOptimalSchedule,
};

/** True for the name of a schedule on offer. */
export function isSchedulerName(name: string): name is SchedulerName {
  return Object.hasOwn(SCHEDULES, name);
}
