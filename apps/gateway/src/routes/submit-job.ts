import {
  createJobId,
  isTerminal,
  type JobRecord,
  jobPath,
  jobToWire,
  resolveJobParams,
} from "@latentfarm/contract";
import type { NewJob } from "@latentfarm/queue";
import type { Response } from "express";
import type { Caller } from "../access/caller.js";
import type { GatewayContext } from "../context.js";
import { createImageBodies, type ImageBodies } from "../http/image-body.js";
import type { Call, Route } from "../http/route.js";
import { readSubmission, type Submission } from "../read-submission.js";
import { storeInitImage } from "../store-init-image.js";
import { waitForEnd } from "../wait-for-end.js";

/** Random bytes of a job id. */
const ID_BYTES = 10;

/** `POST /v1/jobs`: checks a body against the contract and the model, and puts the job on the queue. */
export function submitJobRoute(context: GatewayContext): Route {
  const bodies = createImageBodies();
  return {
    method: "post",
    path: "/v1/jobs",
    scope: "submit",
    before: [bodies.read],
    handle: (call) => submitJob({ context, bodies }, call),
  };
}

async function submitJob(
  { context, bodies }: { readonly context: GatewayContext; readonly bodies: ImageBodies },
  call: Call,
): Promise<void> {
  const { request, response, caller } = call;
  const submission = await readSubmission(context, call);
  const { waitSeconds, known } = submission;
  if (known) return answer({ context, response, waitSeconds }, known);
  const job = await createJob({ context, caller }, submission);
  bodies.release(request);
  const record = await context.queue.submit(job);
  context.log.info({ jobId: record.id, model: record.model, frames: job.params.num_images }, "job submitted");
  await answer({ context, response, waitSeconds }, record);
}

async function createJob(
  { context, caller }: { readonly context: GatewayContext; readonly caller: Caller },
  { request, model, idempotency }: Submission & { known?: never },
): Promise<NewJob> {
  const params = resolveJobParams(request, { model, seed: context.drawSeed() });
  const nowMs = context.nowMs();
  const id = createJobId({ nowMs, random: context.randomBytes(ID_BYTES) });
  const { image, strength } = request;
  const initImage =
    image !== undefined && (await storeInitImage(context.store, { jobId: id, params, image, strength }));
  return {
    id,
    tenant: caller.tenant,
    model: model.name,
    params: initImage ? { ...params, init_image: initImage } : params,
    created_at: new Date(nowMs).toISOString(),
    ...(idempotency && { idempotency }),
  };
}

async function answer(
  to: { context: GatewayContext; response: Response; waitSeconds: number | undefined },
  submitted: JobRecord,
): Promise<void> {
  const { context, response, waitSeconds } = to;
  response.location(jobPath(submitted.id));
  if (waitSeconds === undefined) {
    response.status(202).json(jobToWire(submitted));
    return;
  }
  const record = await waitForEnd(context, { response, id: submitted.id, waitSeconds });
  response.set("Preference-Applied", `wait=${waitSeconds}`);
  const latest = record ?? submitted;
  response.status(isTerminal(latest.status) ? 200 : 202).json(jobToWire(latest));
}
