import { z } from "zod";
import { failureSchema, frameResultSchema, frameSchema, jobIdSchema } from "./job.js";

const envelope = {
  /** Counts up from 1 within the job. The ids of previews that a later one has replaced are missing from a log. */
  id: z.int().min(1),
  job_id: jobIdSchema,
  /** ISO 8601 in UTC. */
  timestamp: z.string(),
};

const jobEvents = [
  z.object({ ...envelope, type: z.literal("job.queued"), data: z.object({ frames: z.int() }) }),
  /** Failed frames of a job that had failed wait again. */
  z.object({ ...envelope, type: z.literal("job.retried"), data: z.object({ frames: z.int() }) }),
  z.object({ ...envelope, type: z.literal("job.started"), data: z.object({}) }),
  z.object({
    ...envelope,
    type: z.literal("frame.progress"),
    data: z.object({ index: z.int(), attempt: z.int(), step: z.int(), steps: z.int() }),
  }),
  z.object({
    ...envelope,
    type: z.literal("frame.preview"),
    data: z.object({ index: z.int(), attempt: z.int(), jpeg: z.base64() }),
  }),
  z.object({
    ...envelope,
    type: z.literal("frame.failed"),
    data: z.object({ index: z.int(), attempt: z.int(), error: failureSchema }),
  }),
  z.object({ ...envelope, type: z.literal("job.succeeded"), data: z.object({}) }),
  z.object({ ...envelope, type: z.literal("job.failed"), data: z.object({ error: failureSchema }) }),
  z.object({ ...envelope, type: z.literal("job.canceled"), data: z.object({}) }),
  z.object({ ...envelope, type: z.literal("job.expired"), data: z.object({}) }),
] as const;

/** An entry of a job's event log as the queue keeps it: a succeeded frame carries the worker's report. */
export const jobEventSchema = z.discriminatedUnion("type", [
  ...jobEvents,
  z.object({ ...envelope, type: z.literal("frame.succeeded"), data: frameResultSchema }),
]);

/** An entry of a job's event log. */
export type JobEvent = z.infer<typeof jobEventSchema>;

/** The kind of an event. */
export type JobEventType = JobEvent["type"];

/** An event as clients see it: a succeeded frame carries the frame with its URL. */
export const wireEventSchema = z.discriminatedUnion("type", [
  ...jobEvents,
  z.object({ ...envelope, type: z.literal("frame.succeeded"), data: frameSchema }),
]);

/** An event as clients see it. */
export type WireEvent = z.infer<typeof wireEventSchema>;

/** The events that end a job; only a retry of failed frames goes on after one. */
export const TERMINAL_EVENTS = ["job.succeeded", "job.failed", "job.canceled", "job.expired"] as const;

/** True when the event ends its job. */
export function isTerminalEvent(type: JobEventType): boolean {
  const last: readonly JobEventType[] = TERMINAL_EVENTS;
  return last.includes(type);
}
