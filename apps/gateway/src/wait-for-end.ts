import { FarmError, isTerminal, type JobId, type JobRecord } from "@latentfarm/contract";
import type { Response } from "express";
import type { GatewayContext } from "./context.js";
import { requestSignal } from "./request-signal.js";

/** Which job is waited for, and for whom. */
export interface Wait {
  readonly response: Response;
  readonly id: JobId;
  readonly waitSeconds: number;
}

const MS_PER_SECOND = 1_000;

/**
 * Waits until a job has ended, the seconds have passed, the client has gone or the gateway drains, and gives the job
 * as it then is. A queue that goes away in between shortens the wait: the job is taken in, which the client must learn.
 */
export async function waitForEnd(context: GatewayContext, wait: Wait): Promise<JobRecord | undefined> {
  const deadline = AbortSignal.timeout(wait.waitSeconds * MS_PER_SECOND);
  const signal = AbortSignal.any([deadline, requestSignal(wait.response, context.draining)]);
  try {
    const before = await context.queue.getJob(wait.id);
    if (before !== undefined && isTerminal(before.status)) return before;
    // The log ends with the job, so reading it to its end is the wait.
    for await (const event of context.queue.events(wait.id, { signal })) void event;
    return await context.queue.getJob(wait.id);
  } catch (error) {
    if (signal.aborted) return context.queue.getJob(wait.id).catch(() => undefined);
    if (error instanceof FarmError && error.code === "queue_unavailable") return undefined;
    throw error;
  }
}
