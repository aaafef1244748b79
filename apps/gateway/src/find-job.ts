import { FarmError, isJobId, type JobId, type JobRecord } from "@latentfarm/contract";
import { readSidecar } from "@latentfarm/storage";
import type { GatewayContext } from "./context.js";
import type { Call } from "./http/route.js";

/**
 * The job that a request's path names: from the queue, or from its sidecar in the store when the queue has forgotten
 * it. Another tenant's job is not told from one that does not exist.
 * @throws {FarmError} not_found; queue_unavailable; store_unavailable
 */
export async function findJob(
  context: GatewayContext,
  { request, caller }: Pick<Call, "request" | "caller">,
): Promise<JobRecord> {
  const id = String(request.params.id);
  const record = isJobId(id)
    ? ((await context.queue.getJob(id)) ?? (await findSidecar(context, id)))
    : undefined;
  if (record === undefined || record.tenant !== caller.tenant.name) throw notFound("id", "names no job");
  return record;
}

/** The error of a path whose part names nothing. */
export function notFound(path: string, message: string): FarmError {
  return new FarmError("not_found", `Cannot find the resource as ${path} ${message}`, {
    details: { errors: [{ path, message }] },
  });
}

/** A damaged sidecar is for the operator; to the client there is no such job. */
async function findSidecar({ store, log }: GatewayContext, id: JobId): Promise<JobRecord | undefined> {
  try {
    return await readSidecar(store, id);
  } catch (error) {
    if (!(error instanceof FarmError && error.code === "file_invalid")) throw error;
    log.warn({ jobId: id, err: error }, "sidecar not readable");
    return undefined;
  }
}
