import { FRAMES_TRACED_MAX, type Tracing } from "@latentfarm/telemetry";
import type { Redis } from "ioredis";
import { bounded } from "../redis/errors.js";

/** What reading places needs. */
export interface TraceSource {
  readonly redis: Redis;
  readonly tracing: Tracing;
}

/**
 * The places in traces that records of jobs or deliveries name, by their keys. Nothing is asked while traces are off, and a
 * Redis that does not answer costs the trace and not the work.
 */
export async function readPlaces(
  { redis, tracing }: TraceSource,
  keys: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (!tracing.isOn) return new Map();
  const distinct = [...new Set(keys)];
  const read = () => Promise.all(distinct.map((key) => redis.hget(key, "trace")));
  const places = await bounded("read the traces", read).catch(() => []);
  return new Map(distinct.flatMap((key, i) => (places[i] ? [[key, places[i]] as const] : [])));
}

/** The place for what concerns one frame of a job: quiet past those that are traced. */
export function placeOfFrame(tracing: Tracing, place: string | undefined, index: number): string {
  const known = tracing.read(place ?? "");
  if (known === undefined) return "";
  return tracing.write(index < FRAMES_TRACED_MAX ? known : tracing.quiet(known));
}
