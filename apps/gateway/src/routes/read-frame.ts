import {
  CONTENT_TYPES,
  FarmError,
  type FrameRecord,
  type FrameResult,
  isJobId,
  type JobId,
  LIMITS,
} from "@latentfarm/contract";
import type { SignedUrl } from "@latentfarm/storage";
import type { Response } from "express";
import type { GatewayContext } from "../context.js";
import { findJob, noJob, notFound } from "../find-job.js";
import type { Call, Route } from "../http/route.js";

const INDEX = /^(0|[1-9][0-9]{0,5})$/;

/** A finished picture never changes; only its own client may keep it. */
const CACHE_CONTROL = "private, max-age=31536000, immutable";

const MS_PER_SECOND = 1_000;

/** `GET /v1/jobs/{id}/frames/{index}`: the picture of one frame, or the way to it where the store hands it out itself. */
export function readFrameRoute(context: GatewayContext): Route {
  return {
    method: "get",
    path: "/v1/jobs/:id/frames/:index",
    scope: "read",
    handle: (call) => readFrame(context, call),
  };
}

async function readFrame(context: GatewayContext, call: Call): Promise<void> {
  const { request, response } = call;
  const { id, frame } = await findFrame(context, call);
  const result = resultOf(frame);
  const name = `${id}-${frame.index}.${result.format}`;
  const disposition = `inline; filename="${name}"`;
  response.set({ ETag: `"${result.sha256}"`, "Cache-Control": CACHE_CONTROL });
  if (request.fresh) {
    response.status(304).end();
    return;
  }
  const signed = await context.store.sign(result.key, { disposition });
  if (signed !== undefined) return redirect(context, { response, key: result.key, signed });
  response.set("Content-Disposition", disposition);
  response.type(CONTENT_TYPES[result.format]).send(await readPicture(context, result));
}

/** From the queue, or from the job's sidecar when the queue has forgotten it. */
async function findFrame(
  context: GatewayContext,
  call: Call,
): Promise<{ readonly id: JobId; readonly frame: FrameRecord }> {
  const { id: idText, index: text } = call.request.params;
  const index = INDEX.test(String(text)) ? Number(text) : LIMITS.num_images_max;
  const id = String(idText);
  const known = isJobId(id) ? await context.queue.getFrame(id, index) : undefined;
  if (isJobId(id) && known !== undefined) {
    // No whole record is read to refuse another tenant either.
    if (known.tenant !== call.caller.tenant.name) throw noJob();
    if (known.frame === undefined) throw noFrame(known.frames);
    return { id, frame: known.frame };
  }
  const job = await findJob(context, call);
  const frame = job.frames[index];
  if (frame === undefined) throw noFrame(job.frames.length);
  return { id: job.id, frame };
}

function noFrame(frames: number): FarmError {
  return notFound("index", `must be 0..${frames - 1}`);
}

/** Sends the client to the store itself, which a look asks first: its own 404 would tell the client nothing. */
async function redirect(
  { store, nowMs }: GatewayContext,
  to: { readonly response: Response; readonly key: string; readonly signed: SignedUrl },
): Promise<void> {
  const { response, key, signed } = to;
  if ((await store.head(key)) === undefined) throw pictureGone();
  const seconds = Math.max(0, Math.floor((signed.expiresMs - nowMs()) / MS_PER_SECOND));
  // The tag is the picture's and not the redirect's, which is another each time.
  response.removeHeader("ETag");
  response.set({
    Location: signed.url,
    Expires: new Date(signed.expiresMs).toUTCString(),
    "Cache-Control": `private, max-age=${seconds}`,
  });
  response.status(302).end();
}

function pictureGone(): FarmError {
  return notFound("index", "names a picture that is no longer stored");
}

async function readPicture(context: GatewayContext, result: FrameResult): Promise<Buffer> {
  const object = await context.store.get(result.key);
  if (object === undefined) throw pictureGone();
  return Buffer.from(object.bytes.buffer, object.bytes.byteOffset, object.bytes.byteLength);
}

function resultOf(frame: FrameRecord): FrameResult {
  if (frame.result !== null && frame.status === "succeeded") return frame.result;
  const message = `has no picture: status is ${frame.status}`;
  throw new FarmError("frame_not_ready", `Cannot send the picture as frame ${frame.index} ${message}`, {
    details: { errors: [{ path: "index", message }] },
  });
}
