import { it } from "vitest";
import { expectCalmAfter } from "../chaos/storm/expect-calm.js";

const FAULTS = 500;
const JOBS_MIN = 2_000;
const CLIENTS = 8;
/** 500 faults with their rests take some 25 minutes. */
const TIMEOUT_MS = 3_600_000;

it(
  "a farm keeps its promises in a long storm of faults",
  () =>
    expectCalmAfter("soak", {
      ...{ faults: FAULTS, jobsMin: JOBS_MIN, clients: CLIENTS },
      counts: { gateway: 2, worker: 2, courier: 2 },
    }),
  TIMEOUT_MS,
);
