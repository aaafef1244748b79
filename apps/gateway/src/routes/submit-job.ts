import {
  type DryRun,
  type ErrorCode,
  FarmError,
  frameCost,
  isTerminal,
  type JobRecord,
  jobPath,
  jobToWire,
  parseQuery,
  submitQuerySchema,
} from "@latentfarm/contract";
import type { NewJob } from "@latentfarm/queue";
import type { Response } from "express";
import type { GatewayContext } from "../context.js";
import { type CheckedSubmission, createJob, draftParams } from "../create-job.js";
import { createImageBodies, type ImageBodies } from "../http/image-body.js";
import { nameInLog } from "../http/request-log.js";
import type { Call, Route } from "../http/route.js";
import { dropInitImage } from "../init-image.js";
import { readSubmission, type SubmitQuery } from "../read-submission.js";
import { waitForEnd } from "../wait-for-end.js";

/** `POST /v1/jobs`: checks a body against the contract and the model, and puts the job on the queue. */
export function submitJobRoute(context: GatewayContext): Route<SubmitQuery> {
  const bodies = createImageBodies();
  return {
    method: "post",
    path: "/v1/jobs",
    scope: "submit",
    query: (parameters) => parseQuery(submitQuerySchema, parameters),
    before: [bodies.read],
    handle: (call) => submitJob({ context, bodies }, call),
  };
}

async function submitJob(
  { context, bodies }: { readonly context: GatewayContext; readonly bodies: ImageBodies },
  call: Call<SubmitQuery>,
): Promise<void> {
  const { request, response, caller, query } = call;
  const submission = await readSubmission(context, call);
  const { waitSeconds, known } = submission;
  if (known) return answer({ context, response, waitSeconds }, known);
  const checked = { caller, ...submission };
  if (query.dry_run) {
    response.json(await forecast(context, checked));
    return;
  }
  const job = await createJob(context, checked);
  bodies.release(request);
  const record = await putOnQueue(context, job);
  nameInLog(response, { jobId: record.id, model: record.model, frames: job.params.num_images });
  await answer({ context, response, waitSeconds }, record);
}

/** What says for certain that the job was not taken in; after queue_unavailable it may have been. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "quota_exceeded",
  "rate_limited",
  "overloaded",
  "idempotency_conflict",
  "invalid_request",
]);

/** Submits a job. The image of one that is refused, or that another of the same key came before, is deleted again. */
async function putOnQueue(context: GatewayContext, job: NewJob): Promise<JobRecord> {
  try {
    const record = await context.queue.submit(job);
    if (record.id !== job.id) await dropInitImage(context, job);
    return record;
  } catch (error) {
    if (error instanceof FarmError && REFUSALS.has(error.code)) await dropInitImage(context, job);
    throw error;
  }
}

async function forecast(context: GatewayContext, submission: CheckedSubmission): Promise<DryRun> {
  const { caller, model } = submission;
  const full = await draftParams(context, submission);
  const { metadata: _metadata, ...params } = full;
  const { reason, position, eta } = await context.queue.forecast({
    tenant: caller.tenant,
    model: model.name,
    params: full,
  });
  return {
    dry_run: true,
    model: model.name,
    params,
    cost: frameCost(params) * params.num_images,
    frames: params.num_images,
    runnable: reason === null,
    reason,
    position,
    eta_seconds: eta?.seconds ?? null,
    eta_low_seconds: eta?.low_seconds ?? null,
    eta_high_seconds: eta?.high_seconds ?? null,
  };
}

async function answer(
  to: { context: GatewayContext; response: Response; waitSeconds: number | undefined },
  submitted: JobRecord,
): Promise<void> {
  const { context, response, waitSeconds } = to;
  response.location(jobPath(submitted.id));
  const leave = waitSeconds === undefined ? undefined : context.held.take(submitted.tenant);
  // A wait is a preference: a tenant that holds too many is answered at once, which it sees by the header that lacks.
  if (waitSeconds === undefined || leave === undefined) {
    response.status(202).json(jobToWire(submitted));
    return;
  }
  const wait = waitForEnd(context, { response, id: submitted.id, waitSeconds });
  const record = await wait.finally(leave);
  response.set("Preference-Applied", `wait=${waitSeconds}`);
  const latest = record ?? submitted;
  response.status(isTerminal(latest.status) ? 200 : 202).json(jobToWire(latest));
}
