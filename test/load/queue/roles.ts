import type { Calls } from "../measure/role-process.js";
import { createFleetLoadRole } from "./fleet-load.js";
import { createFleetRole } from "./fleet-workers.js";
import { createFrameClockRole } from "./frame-clock.js";
import { createListenersRole } from "./listeners.js";
import { createLoadRole } from "./submit-load.js";

/** What this program can be besides the benchmark itself, each in a process of its own. */
export const ROLES: ReadonlyMap<string, () => Calls> = new Map<string, () => Calls>([
  ["load", createLoadRole],
  ["frame-clock", createFrameClockRole],
  ["fleet", createFleetRole],
  ["fleet-load", createFleetLoadRole],
  ["listeners", createListenersRole],
]);
