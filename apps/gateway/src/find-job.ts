import { FarmError, isJobId, type JobRecord, jobRecordSchema } from "@latentfarm/contract";
import { jobKey, type ObjectStore } from "@latentfarm/storage";
import type { Request } from "express";
import type { GatewayContext } from "./context.js";

/**
 * The job that a request's path names: from the queue, or from its sidecar in the store when the queue has forgotten
 * it.
 * @throws {FarmError} not_found; queue_unavailable; store_unavailable
 */
export async function findJob(context: GatewayContext, request: Request): Promise<JobRecord> {
  const id = String(request.params.id);
  const record = isJobId(id)
    ? ((await context.queue.getJob(id)) ?? (await readSidecar(context.store, id)))
    : undefined;
  if (record === undefined) throw notFound("id", "names no job");
  return record;
}

/** The error of a path whose part names nothing. */
export function notFound(path: string, message: string): FarmError {
  return new FarmError("not_found", `Cannot find the resource as ${path} ${message}`, {
    details: { errors: [{ path, message }] },
  });
}

async function readSidecar(store: ObjectStore, id: JobRecord["id"]): Promise<JobRecord | undefined> {
  const object = await store.get(jobKey(id));
  if (object === undefined) return undefined;
  const parsed = jobRecordSchema.safeParse(JSON.parse(new TextDecoder().decode(object.bytes)));
  return parsed.data;
}
