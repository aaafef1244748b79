import {
  createJobId,
  type JobParams,
  type JobWebhook,
  resolveJobParams,
  type ServedModel,
  type SubmitRequest,
  WEBHOOK_EVENTS_DEFAULT,
} from "@latentfarm/contract";
import type { Idempotency, NewJob } from "@latentfarm/queue";
import type { Caller } from "./access/caller.js";
import type { GatewayContext } from "./context.js";
import { cutInitImage, storeInitImage } from "./init-image.js";

/** Random bytes of a job id. */
const ID_BYTES = 10;

const MS_PER_SECOND = 1_000;

/** A submit that is right in every part, with whose it is. */
export interface CheckedSubmission {
  readonly caller: Caller;
  readonly request: SubmitRequest;
  readonly model: ServedModel;
  readonly idempotency?: Idempotency | undefined;
}

/**
 * The job that a submit asks for. Its image is in the store by then, and its webhook has an endpoint.
 * @throws {FarmError} invalid_request what the model does not offer, or an image that is none; store_unavailable;
 * queue_unavailable
 */
export async function createJob(context: GatewayContext, submission: CheckedSubmission): Promise<NewJob> {
  const { caller, request, model, idempotency } = submission;
  const nowMs = context.nowMs();
  const id = createJobId({ nowMs, random: context.randomBytes(ID_BYTES) });
  const { params, png } = await paramsOf(context, submission);
  const webhook = await webhookOf(context, submission);
  // Stored last: what refuses the job before this leaves no image behind.
  if (png !== undefined) await storeInitImage(context.store, { id, tenant: caller.tenant.name }, png);
  const startMs = request.start_within === undefined ? undefined : request.start_within * MS_PER_SECOND;
  return {
    id,
    tenant: caller.tenant,
    model: model.name,
    params,
    created_at: new Date(nowMs).toISOString(),
    ...(startMs !== undefined && { start_before: new Date(nowMs + startMs).toISOString() }),
    ...(webhook && { webhook }),
    ...(idempotency && { idempotency }),
  };
}

/**
 * The parameters of a job that is only asked about: nothing is stored.
 * @throws {FarmError} invalid_request
 */
export async function draftParams(
  context: GatewayContext,
  submission: CheckedSubmission,
): Promise<JobParams> {
  return (await paramsOf(context, submission)).params;
}

async function paramsOf(
  context: GatewayContext,
  { request, model }: CheckedSubmission,
): Promise<{ readonly params: JobParams; readonly png?: Uint8Array }> {
  const params = resolveJobParams(request, { model, seed: context.drawSeed() });
  const { image, strength } = request;
  if (image === undefined) return { params };
  const cut = await cutInitImage({ params, image, strength });
  return { params: { ...params, init_image: cut.initImage }, png: cut.png };
}

async function webhookOf(
  { webhooks }: GatewayContext,
  { caller, request }: CheckedSubmission,
): Promise<JobWebhook | undefined> {
  if (request.webhook === undefined) return undefined;
  const { url, events = [...WEBHOOK_EVENTS_DEFAULT] } = request.webhook;
  const endpoint = await webhooks.ensureEndpoint(caller.tenant.name, url);
  return { endpoint: endpoint.id, url, events };
}
