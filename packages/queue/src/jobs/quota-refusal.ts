import { FarmError, fieldsError, frameCost } from "@latentfarm/contract";
import type { OrderSnapshot } from "../estimate/order-snapshot.js";
import { etaOf } from "../estimate/predict.js";
import type { NewJob } from "../farm.js";
import { QUOTA_RETRY_SECONDS_MAX } from "../limits.js";
import { costOfUnits } from "./job-record.js";

/** Which limit a job would break, and what is open of the tenant: units of work or frames. */
export interface BrokenLimit {
  readonly limit: string;
  readonly present: number;
}

/**
 * The refusal of a job that its tenant has no room for. The wait that it names is the time in which the fleet does as much
 * work as is over the limit; a minute while no rate is known. A job that is above the limit by itself would never fit,
 * so that one is told as a wrong request.
 */
export function quotaRefusal(job: NewJob, snapshot: OrderSnapshot, broken: BrokenLimit): FarmError {
  const { limit } = broken;
  const isCost = limit === "queued_cost_max";
  const { queued_cost_max: costMax, concurrent_frames_max: framesMax } = job.tenant.limits;
  const allowed = (isCost ? costMax : framesMax) ?? 0;
  const present = isCost ? costOfUnits(broken.present) : broken.present;
  const perFrame = frameCost(job.params);
  const asked = isCost ? perFrame * job.params.num_images : job.params.num_images;
  const path = `limits.${limit}`;
  if (asked > allowed) {
    return fieldsError("the job", [{ path, message: `is ${allowed}, the job alone asks for ${asked}` }]);
  }
  const over = Math.max(0, present + asked - allowed) * (isCost ? 1 : perFrame);
  const wait = etaOf(snapshot, { cost: over, frameCost: 0 })?.seconds ?? QUOTA_RETRY_SECONDS_MAX;
  const seconds = Math.min(QUOTA_RETRY_SECONDS_MAX, Math.max(1, Math.ceil(wait)));
  const message = `is ${allowed}, ${present} are open and the job asks for ${asked}`;
  const details = { limit, retry_after_seconds: seconds, errors: [{ path, message }] };
  return new FarmError(
    "quota_exceeded",
    `Cannot take the job as the tenant's limit is reached: ${limit} ${message}`,
    { details },
  );
}
