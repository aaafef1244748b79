import { fieldsError, type JobRecord, jobToWire } from "@latentfarm/contract";
import { snapshotKey, writeSidecar } from "@latentfarm/storage";
import type { Request } from "express";
import type { GatewayContext } from "../context.js";
import { findJob } from "../find-job.js";
import { readBody } from "../http/json-body.js";
import type { Route } from "../http/route.js";

/** `POST /v1/jobs/{id}/cancel`: cancels what is not yet done; a job that has ended stays as it is. */
export function cancelJobRoute(context: GatewayContext): Route {
  return {
    method: "post",
    path: "/v1/jobs/:id/cancel",
    scope: "submit",
    before: [readBody()],
    async handle(call) {
      const { request, response } = call;
      refuseBody(request);
      const found = await findJob(context, call);
      const canceled = await context.queue.cancel(found.id);
      if (canceled !== undefined) await dropSnapshots(context, canceled);
      if (canceled?.status === "canceled") await keepSidecar(context, canceled);
      context.log.info({ jobId: found.id, status: (canceled ?? found).status }, "job cancel asked for");
      response.json(jobToWire(canceled ?? found));
    },
  };
}

/**
 * A frame that was interrupted and then canceled while it waited is never with a worker again, which would clear its
 * snapshot from the store.
 */
async function dropSnapshots({ store, log }: GatewayContext, job: JobRecord): Promise<void> {
  const waited = job.frames.filter(({ status, attempt }) => status === "canceled" && attempt > 0);
  const deletions = waited.map(({ index }) => store.delete(snapshotKey(job.id, index)));
  for (const outcome of await Promise.allSettled(deletions)) {
    if (outcome.status === "rejected")
      log.warn({ jobId: job.id, err: outcome.reason }, "snapshot not deleted");
  }
}

/** A job that no worker had is ended here, so its history is written here. */
async function keepSidecar({ store, log }: GatewayContext, job: JobRecord): Promise<void> {
  try {
    await writeSidecar(store, job);
  } catch (error) {
    log.warn({ jobId: job.id, err: error }, "sidecar not written");
  }
}

/** Nothing or an empty object, as clients that always send JSON do. */
function refuseBody(request: Request): void {
  const body: unknown = request.body;
  if (!(body instanceof Uint8Array) || body.length === 0) return;
  if (new TextDecoder().decode(body).replaceAll(/\s/g, "") === "{}") return;
  throw fieldsError("the request", [{ path: "body", message: "must be empty" }]);
}
