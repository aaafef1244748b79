import { FarmError, isJobId, type JobHead, type JobId, type JobRecord } from "@latentfarm/contract";
import { readSidecar } from "@latentfarm/storage";
import type { GatewayContext } from "./context.js";
import type { Call } from "./http/route.js";

/**
 * The job that a request's path names: from the queue, or from its sidecar in the store when the queue has forgotten
 * it. Another tenant's job is not told from one that does not exist.
 * @throws {FarmError} not_found; queue_unavailable; store_unavailable
 */
export async function findJob(context: GatewayContext, call: PathCall): Promise<JobRecord> {
  return findOwn(context, call, (id) => context.queue.getJob(id));
}

/**
 * As {@link findJob}, without its frames, of which a job may have thousands: for who only asks whose job it is.
 * @throws {FarmError} not_found; queue_unavailable; store_unavailable
 */
export async function findJobHead(context: GatewayContext, call: PathCall): Promise<JobHead> {
  return findOwn<JobHead>(context, call, (id) => context.queue.getJobHead(id));
}

type PathCall = Pick<Call, "request" | "caller">;

/** A sidecar, which is a whole record, stands for both kinds. */
async function findOwn<Known extends JobHead>(
  context: GatewayContext,
  { request, caller }: PathCall,
  read: (id: JobId) => Promise<Known | undefined>,
): Promise<Known | JobRecord> {
  const id = String(request.params.id);
  const job = isJobId(id) ? ((await read(id)) ?? (await findSidecar(context, id))) : undefined;
  if (job === undefined || job.tenant !== caller.tenant.name) throw noJob();
  return job;
}

/** The error of a path that names no job, or another tenant's. */
export function noJob(): FarmError {
  return notFound("id", "names no job");
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
