import { it } from "vitest";
import { expectCalmAfter } from "./storm/expect-calm.js";

/** Every kind of fault at least once. */
const FAULTS = 30;
/** Hundreds of short jobs, whatever the faults do to the rate. */
const JOBS_MIN = 200;
const CLIENTS = 8;
/** The faults take some 80 s, the load a little longer, and what is open then may take as long to settle. */
const TIMEOUT_MS = 360_000;

it(
  "a farm keeps its promises in a storm of faults",
  () =>
    expectCalmAfter("chaos", {
      ...{ faults: FAULTS, jobsMin: JOBS_MIN, clients: CLIENTS },
      counts: { gateway: 2, worker: 2, courier: 2 },
    }),
  TIMEOUT_MS,
);
