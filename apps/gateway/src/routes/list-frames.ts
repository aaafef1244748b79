import { frameListQuerySchema, framesToWire, isJobId, parseQuery } from "@latentfarm/contract";
import type { GatewayContext } from "../context.js";
import { findJob, noJob } from "../find-job.js";
import type { Call, Route } from "../http/route.js";

type FrameListQuery = ReturnType<typeof parseQuery<typeof frameListQuerySchema>>;

/** `GET /v1/jobs/{id}/frames`: a page of a job's frames, by index. */
export function listFramesRoute(context: GatewayContext): Route<FrameListQuery> {
  return {
    method: "get",
    path: "/v1/jobs/:id/frames",
    scope: "read",
    query: (parameters) => parseQuery(frameListQuerySchema, parameters),
    handle: (call) => listFrames(context, call),
  };
}

async function listFrames(context: GatewayContext, call: Call<FrameListQuery>): Promise<void> {
  const { request, response, caller, query } = call;
  const id = String(request.params.id);
  const { cursor: from = 0, limit, status } = query;
  const page = isJobId(id) ? await context.queue.listFrames(id, { from, limit, status }) : undefined;
  if (isJobId(id) && page !== undefined) {
    if (page.tenant !== caller.tenant.name) throw noJob();
    const next = page.next === null ? null : String(page.next);
    response.json({ frames: framesToWire(id, page.frames), next_cursor: next });
    return;
  }
  // The queue has forgotten it: its sidecar has all frames in one piece.
  const job = await findJob(context, call);
  const rest = job.frames.filter(
    (frame) => frame.index >= from && (status === undefined || frame.status === status),
  );
  const shown = rest.slice(0, limit);
  const next = rest.length > limit ? String((shown.at(-1)?.index ?? 0) + 1) : null;
  response.json({ frames: framesToWire(job.id, shown), next_cursor: next });
}
