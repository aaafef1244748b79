import { frameCost, type JobHead, type JobRecord } from "@latentfarm/contract";
import type { JobDraft } from "../farm.js";
import { costOfUnits, decodeHead, type StoredJob, unitsOfCost } from "../jobs/job-record.js";
import { EMPTY_FLOW, type OrderSnapshot } from "./order-snapshot.js";
import { etaOf, type Prediction, predict } from "./predict.js";

/** What would become of a job that came now. */
export function predictDraft(snapshot: OrderSnapshot, { tenant, params }: JobDraft): Prediction {
  const flow = snapshot.tenants.get(tenant.name)?.flows[params.priority] ?? EMPTY_FLOW;
  return predict(snapshot, {
    tenant: tenant.name,
    weight: tenant.weight,
    priority: params.priority,
    ownUnits: unitsOfCost(frameCost(params)) * params.num_images,
    frameUnits: unitsOfCost(frameCost(params)),
    aheadUnits: flow.given - flow.gone,
    aheadFrames: flow.framesGiven - flow.framesGone,
  });
}

/**
 * A stored job that has not ended, with its position (0 when a frame of it lies ready) and ETA; `ready` counts its released
 * frames that wait.
 */
export function estimateJob(
  snapshot: OrderSnapshot,
  of: { readonly stored: StoredJob; readonly job: JobRecord; readonly ready: number },
): JobRecord {
  const { stored, job, ready } = of;
  const { fields } = stored;
  // Frames of it that have failed and wait again are numbered among those that were released before.
  const unreleased = fields.rest === "queued" ? job.progress.frames - Number(fields.next) : 0;
  const again = unreleasedOf(stored) - unreleased;
  // A frame of it that is ready goes before everything that is not.
  const isReady = ready > Math.max(0, again);
  return { ...job, ...estimateOf(snapshot, { stored, head: job, isReady }) };
}

/** The head of a stored job that has not ended, as {@link estimateJob} but for what only its frames can tell. */
export function estimateHead(snapshot: OrderSnapshot, stored: StoredJob): JobHead {
  const head = decodeHead(stored);
  const isReady = head.status === "queued" && unreleasedOf(stored) === 0;
  return { ...head, ...estimateOf(snapshot, { stored, head, isReady }) };
}

function estimateOf(
  snapshot: OrderSnapshot,
  job: { readonly stored: StoredJob; readonly head: JobHead; readonly isReady: boolean },
): EstimateFields {
  const { stored, head, isReady } = job;
  const { fields } = stored;
  const unreleased = unreleasedOf(stored);
  if (unreleased === 0) {
    const work = { cost: remainingCost(head, Number(fields.open), snapshot), frameCost: 0 };
    return estimateFields({ position: isReady ? 0 : null, eta: etaOf(snapshot, work) });
  }
  const perFrame = unitsOfCost(frameCost(head.params));
  const flow = snapshot.tenants.get(head.tenant)?.flows[head.params.priority] ?? EMPTY_FLOW;
  const { position, eta } = predict(snapshot, {
    tenant: head.tenant,
    weight: 1,
    priority: head.params.priority,
    ownUnits: perFrame * unreleased,
    frameUnits: perFrame,
    aheadUnits: Math.max(0, Number(fields.mark) - perFrame * unreleased - flow.gone),
    aheadFrames: Math.max(0, Number(fields.mark_frames) - unreleased - flow.framesGone),
  });
  return estimateFields({ position: isReady ? 0 : position, eta });
}

/** Frames of a job that its flow still owes it. */
function unreleasedOf({ fields }: StoredJob): number {
  return fields.cancel === undefined ? Number(fields.waits ?? 0) : 0;
}

type EstimateFields = Pick<JobHead, "position" | "eta_seconds" | "eta_low_seconds" | "eta_high_seconds">;

function estimateFields(prediction: Parameters<typeof withEstimate>[1]): EstimateFields {
  const { position, eta } = prediction;
  return {
    position,
    eta_seconds: eta?.seconds ?? null,
    eta_low_seconds: eta?.low_seconds ?? null,
    eta_high_seconds: eta?.high_seconds ?? null,
  };
}

/** Puts an estimate into a job. */
export function withEstimate(
  job: JobRecord,
  prediction: { readonly position: number | null; readonly eta: Prediction["eta"] },
): JobRecord {
  return { ...job, ...estimateFields(prediction) };
}

/**
 * Megapixel-steps until a job is done all of whose frames are with workers or ready: theirs, and as much again of each
 * frame that shares the fleet with them, at most all that is open.
 */
function remainingCost(job: JobHead, open: number, { openUnits, openFrames, slots }: OrderSnapshot): number {
  const stepsLeft = Math.min(job.progress.steps - job.progress.step, open * job.params.steps);
  const own = stepsLeft * frameCost({ ...job.params, steps: 1 });
  const beside = Math.max(1, Math.min(openFrames, Math.max(1, slots)) / Math.max(1, open));
  return Math.min(costOfUnits(openUnits), own * beside);
}
