import type { ErrorCode, JobId } from "@latentfarm/contract";
import { SICK_JOBS } from "../limits.js";

/** Failures that say nothing of the worker: the client's own, and what the farm around it does. */
const NOT_ITS_FAULT: ReadonlySet<ErrorCode> = new Set([
  "interrupted",
  "canceled",
  "expired",
  "invalid_request",
  "queue_unavailable",
  "store_unavailable",
]);

/**
 * Notices that a worker is sick: it has failed for `SICK_JOBS` different jobs and finished no frame between. One bad job
 * makes no worker sick, however many frames it has.
 */
export class SickWatch {
  readonly #jobs = new Set<JobId>();
  #reason: string | null = null;

  /** Why the worker is sick; null while it is well. */
  get reason(): string | null {
    return this.#reason;
  }

  /** A frame was drawn: the worker can. */
  succeeded(): void {
    this.#jobs.clear();
  }

  /** A frame failed; true when the worker counts as sick from now on. */
  failed(jobId: JobId, code: ErrorCode): boolean {
    if (NOT_ITS_FAULT.has(code) || this.#reason !== null) return false;
    this.#jobs.add(jobId);
    if (this.#jobs.size < SICK_JOBS) return false;
    this.#reason = `failed for ${SICK_JOBS} different jobs in a row, the last time with ${code}`;
    return true;
  }
}
