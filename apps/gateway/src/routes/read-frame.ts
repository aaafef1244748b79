import { CONTENT_TYPES, FarmError, type FrameRecord, type FrameResult } from "@latentfarm/contract";
import type { GatewayContext } from "../context.js";
import { findJob, notFound } from "../find-job.js";
import type { Call, Route } from "../http/route.js";

const INDEX = /^(0|[1-9][0-9]{0,5})$/;

/** A finished picture never changes; only its own client may keep it. */
const CACHE_CONTROL = "private, max-age=31536000, immutable";

/** `GET /v1/jobs/{id}/frames/{index}`: the picture of one frame. */
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
  const job = await findJob(context, call);
  const text = String(request.params.index);
  const frame = INDEX.test(text) ? job.frames[Number(text)] : undefined;
  if (frame === undefined) throw notFound("index", `must be 0..${job.frames.length - 1}`);
  const result = resultOf(frame);
  response.set({
    ETag: `"${result.sha256}"`,
    "Cache-Control": CACHE_CONTROL,
    "Content-Disposition": `inline; filename="${job.id}-${frame.index}.${result.format}"`,
  });
  if (request.fresh) {
    response.status(304).end();
    return;
  }
  response.type(CONTENT_TYPES[result.format]).send(await readPicture(context, result));
}

async function readPicture(context: GatewayContext, result: FrameResult): Promise<Buffer> {
  const object = await context.store.get(result.key);
  if (object === undefined) throw notFound("index", "names a picture that is no longer stored");
  return Buffer.from(object.bytes.buffer, object.bytes.byteOffset, object.bytes.byteLength);
}

function resultOf(frame: FrameRecord): FrameResult {
  if (frame.result !== null && frame.status === "succeeded") return frame.result;
  const message = `has no picture: status is ${frame.status}`;
  throw new FarmError("frame_not_ready", `Cannot send the picture as frame ${frame.index} ${message}`, {
    details: { errors: [{ path: "index", message }] },
  });
}
