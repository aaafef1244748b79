import { setTimeout as delay } from "node:timers/promises";
import { connectQueue, type Farm } from "@latentfarm/queue";
import { sharedNowMs } from "../measure/monotonic-clock.js";
import { benchJob } from "./bench-jobs.js";
import { runOpenLoop } from "./open-loop.js";

/** Submits without an answer at once. */
const IN_FLIGHT_MAX = 2_000;

const MICROSECONDS_PER_MS = 1_000;

/** Frames that are asked for. */
export interface Demand {
  readonly framesPerSecond: number;
  readonly framesPerJob: number;
  readonly seconds: number;
}

/** What the process that submits can be asked. */
export type FleetLoadCalls = ReturnType<typeof createFleetLoadRole>;

/** The role `fleet-load`: submits frames at a fixed rate, straight to the queue. */
export function createFleetLoadRole() {
  let farm: Farm | undefined;
  let submitted = 0;
  let jobs = 0;
  return {
    async start(redisUrl: string): Promise<void> {
      farm = await connectQueue({ redisUrl });
    },
    /** Resolves once the last of them is answered: how many submits failed. */
    async submit({ framesPerSecond, framesPerJob, seconds }: Demand): Promise<number> {
      const ratePerSecond = framesPerSecond / framesPerJob;
      const { failed, unsent } = await runOpenLoop({
        ratePerSecond,
        count: Math.round(ratePerSecond * seconds),
        inFlightMax: IN_FLIGHT_MAX,
        clock: { nowMs: sharedNowMs, sleep: (ms) => delay(ms) },
        async send() {
          const job = benchJob("bench", jobs++, { num_images: framesPerJob });
          await farm?.submit(job);
          submitted += framesPerJob;
          return true;
        },
      });
      return failed + unsent;
    },
    async state(_: undefined): Promise<{ readonly submitted: number; readonly processorMs: number }> {
      const { user, system } = process.cpuUsage();
      return { submitted, processorMs: (user + system) / MICROSECONDS_PER_MS };
    },
    async stop(_: undefined): Promise<void> {
      await farm?.[Symbol.asyncDispose]();
    },
  };
}
