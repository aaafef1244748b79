import { STATUSES, type Status } from "@latentfarm/contract";
import type { Fields, LoggedEvent, ObservedJob, ObservedModel, ObservedTenant } from "./observation.js";
import type { ScriptCall } from "./world.js";

/** All that was seen of a seed up to a moment. */
export interface View {
  readonly jobs: Readonly<Record<string, ObservedJob>>;
  readonly tenants: Readonly<Record<string, ObservedTenant>>;
  readonly models: Readonly<Record<string, ObservedModel>>;
  readonly usage: Fields;
  readonly outbox: readonly string[];
  readonly snapshot: string | undefined;
}

/** One call with what was there before and after it. */
export interface Step {
  readonly call: ScriptCall;
  readonly answer: readonly string[];
  readonly nowMs: number;
  readonly before: View;
  readonly after: View;
  /** The token that BullMQ holds the frame's lock with. */
  readonly holder: string | undefined;
}

/** Says what is wrong with a step; undefined when nothing is. */
export type Check = (step: Step) => string | undefined;

/** A frame's state as the record tells it. */
export function frameStatus(record: Fields, index: number): Status | undefined {
  const next = Number(record.next);
  if (!Number.isInteger(next)) return undefined;
  return statusOf(record[`${index}:status`] ?? (index >= next ? record.rest : "queued"));
}

/** The states of all frames of a job. */
export function frameStatuses(record: Fields): readonly (Status | undefined)[] {
  return Array.from({ length: numberOf(record, "frames") }, (_, index) => frameStatus(record, index));
}

/** A field that is a number; 0 when it is not there. */
export function numberOf(fields: Fields, name: string): number {
  return Number(fields[name] ?? 0);
}

/** A state by its name. */
export function statusOf(text: string | undefined): Status | undefined {
  return STATUSES.find((status) => status === text);
}

/** True for the states in which a frame still has to do something. */
export function isOpen(status: Status | undefined): boolean {
  return status === "queued" || status === "running";
}

/** What an event says of its frame. */
export function frameOf(event: LoggedEvent): { readonly index: number; readonly attempt: number } {
  const data: unknown = JSON.parse(event.data);
  if (typeof data !== "object" || data === null) return { index: -1, attempt: -1 };
  const index = "index" in data ? Number(data.index) : -1;
  return { index, attempt: "attempt" in data ? Number(data.attempt) : -1 };
}
