import { createHash } from "node:crypto";
import {
  createJobId,
  FarmError,
  fieldsError,
  isTerminal,
  type JobRecord,
  LIMITS,
  type ModelInfo,
  parseWith,
  resolveJobParams,
  type SubmitRequest,
  submitRequestSchema,
} from "@latentfarm/contract";
import type { NewJob } from "@latentfarm/queue";
import type { Request, Response } from "express";
import type { GatewayContext } from "../context.js";
import { createImageBodies, type ImageBodies } from "../http/image-body.js";
import { assertSmallBeside, parseJsonBody } from "../http/json-body.js";
import type { Route } from "../http/route.js";
import { storeInitImage } from "../store-init-image.js";
import { waitForEnd } from "../wait-for-end.js";
import { jobPath, jobToWire } from "../wire.js";

/** Random bytes of a job id. */
const ID_BYTES = 10;
/** Printable ASCII without spaces at the ends. */
const IDEMPOTENCY_KEY = /^[!-~](?:[ -~]*[!-~])?$/;
const WAIT_PREFERENCE = /^wait=("?)([0-9]{1,9})\1$/i;

/** `POST /v1/jobs`: checks a body against the contract and the model, and puts the job on the queue. */
export function submitJobRoute(context: GatewayContext): Route {
  const bodies = createImageBodies();
  return {
    method: "post",
    path: "/v1/jobs",
    before: [bodies.read],
    handle: (request, response) => submitJob({ context, bodies }, request, response),
  };
}

async function submitJob(
  { context, bodies }: { readonly context: GatewayContext; readonly bodies: ImageBodies },
  request: Request,
  response: Response,
): Promise<void> {
  const waitSeconds = readWait(request.get("Prefer"));
  const job = await readJob(context, request);
  bodies.release(request);
  const record = await context.queue.submit(job);
  context.log.info({ jobId: record.id, model: record.model, frames: job.params.num_images }, "job submitted");
  await answer({ context, response, waitSeconds }, record);
}

async function readJob(context: GatewayContext, request: Request): Promise<NewJob> {
  const body = parseJsonBody(request);
  assertSmallBeside(body, "image");
  const submitted = parseWith(submitRequestSchema, body, "the job");
  const idempotencyKey = readIdempotencyKey(request.get("Idempotency-Key"));
  const model = chooseModel(submitted, await context.queue.models());
  const params = resolveJobParams(submitted, { model, seed: context.drawSeed() });
  const nowMs = context.nowMs();
  const id = createJobId({ nowMs, random: context.randomBytes(ID_BYTES) });
  const { image, strength } = submitted;
  const initImage =
    image !== undefined && (await storeInitImage(context.store, { jobId: id, params, image, strength }));
  return {
    id,
    model: model.name,
    params: initImage ? { ...params, init_image: initImage } : params,
    created_at: new Date(nowMs).toISOString(),
    ...(idempotencyKey && { idempotency: { key: idempotencyKey, bodyHash: hashOf(submitted) } }),
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

function chooseModel(request: SubmitRequest, models: readonly ModelInfo[]): ModelInfo {
  const [first, ...others] = models;
  if (first === undefined) {
    throw new FarmError(
      "model_unavailable",
      "Cannot take the job as no worker has announced a model: models is 0",
    );
  }
  if (request.model === undefined && others.length === 0) return first;
  const names = models.map((model) => model.name).join(", ");
  const found = models.find((model) => model.name === request.model);
  if (found !== undefined) return found;
  const fault = request.model === undefined ? "is required as several models are served" : "is not served";
  throw fieldsError("the job", [{ path: "model", message: `${fault}: one of ${names}` }]);
}

/** Reads `Prefer: wait=N`; other preferences are ignored as RFC 7240 says. */
function readWait(header: string | undefined): number | undefined {
  const preferences = (header ?? "").split(",").map((text) => text.trim());
  const wait = preferences.find((text) => /^wait\b/i.test(text));
  if (wait === undefined) return undefined;
  const seconds = Number(WAIT_PREFERENCE.exec(wait)?.[2] ?? Number.NaN);
  if (seconds >= LIMITS.wait_seconds_min && seconds <= LIMITS.wait_seconds_max) return seconds;
  const range = `${LIMITS.wait_seconds_min}..${LIMITS.wait_seconds_max}`;
  const limits = "limits wait_seconds_min, wait_seconds_max";
  throw fieldsError("the request", [
    { path: "headers.prefer", message: `wait must be ${range} seconds (${limits})` },
  ]);
}

function readIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const max = LIMITS.idempotency_key_chars_max;
  if (header.length <= max && IDEMPOTENCY_KEY.test(header)) return header;
  const message = `must be 1..${max} printable ASCII characters (limit idempotency_key_chars_max)`;
  throw fieldsError("the request", [{ path: "headers.idempotency-key", message }]);
}

/** Equal requests have equal hashes: the schema gives their fields in its own order. */
function hashOf(request: SubmitRequest): string {
  return createHash("sha256").update(JSON.stringify(request)).digest("hex");
}
