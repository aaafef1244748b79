import { normalSchedule } from "./normal.js";
import type { Schedule } from "./schedule.js";
import { sgmUniformSchedule } from "./sgm-uniform.js";
import { simpleSchedule } from "./simple.js";

/** The schedules on offer, by ComfyUI's names. */
export const SCHEDULERS = ["simple", "sgm_uniform", "normal"] as const;

/** The name of a schedule on offer. */
export type SchedulerName = (typeof SCHEDULERS)[number];

/** The schedule behind each name. */
export const SCHEDULES: Readonly<Record<SchedulerName, Schedule>> = {
  simple: simpleSchedule,
  sgm_uniform: sgmUniformSchedule,
  normal: normalSchedule,
};

/** True for the name of a schedule on offer. */
export function isSchedulerName(name: string): name is SchedulerName {
  return Object.hasOwn(SCHEDULES, name);
}
