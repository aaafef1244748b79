import type { Job, Stats, Status, WireEvent } from "@latentfarm/contract";
import type { JobPlan } from "./plan.js";

/** What a client was told about the state of its job, in the order it was told. */
export interface Sighting {
  readonly status: Status;
  readonly how: "submit" | "poll" | "cancel" | "stream";
}

/** Everything that the clients of one planned job were told. */
export interface Story {
  readonly plan: JobPlan;
  /** The job ids of all accepting answers: one, or the same one several times. */
  readonly accepted: string[];
  /** Answers that no well-meant request should get, such as a 400. */
  readonly oddAnswers: string[];
  readonly sightings: Sighting[];
  /** The events of each connection to the event stream. */
  readonly streams: WireEvent[][];
  /** True once a cancel was answered with 200. */
  cancelAnswered: boolean;
  /** A request to cancel was sent, answered or not. */
  cancelSent: boolean;
  /** True when the client saw the job end. */
  sawEnd: boolean;
}

/** One frame as the finished farm serves it. */
export interface ServedFrame {
  readonly index: number;
  /** The HTTP status of the picture. */
  readonly status: number;
  /** Hexadecimal, of the bytes that were served. */
  readonly sha256: string | undefined;
  /** Mean difference from the undisturbed picture of the same prompt, steps and seed, of 255; undefined when unreadable. */
  readonly difference: number | undefined;
}

/** One job as the farm tells of it after the storm. */
export interface Ending {
  readonly id: string;
  /** Undefined when the farm does not know the job. */
  readonly job: Job | undefined;
  readonly log: readonly WireEvent[];
  readonly frames: readonly ServedFrame[];
}

/** One request that the webhook receiver got. */
export interface Receipt {
  /** `webhook-id`. */
  readonly id: string;
  readonly jobId: string;
  readonly type: string;
  readonly sequence: number;
  /** The published library accepts the signature. */
  readonly verified: boolean;
  /** What the receiver answered; undefined when it broke the connection after it had taken the event. */
  readonly answer: number | undefined;
}

/** All that the oracle looks at. */
export interface StormRecord {
  readonly stories: readonly Story[];
  readonly endings: readonly Ending[];
  /**
   * Every job in the tenants' lists: those of the stories, those whose answer was lost, and those of the gallery, which
   * were drawn before the storm.
   */
  readonly jobs: readonly Job[];
  /** The farm's numbers once it is at rest, as each tenant is told them. */
  readonly stats: readonly Stats[];
  readonly receipts: readonly Receipt[];
}

/** Something that the farm promised and did not keep. */
export interface Violation {
  readonly rule: Rule;
  /** The job or the number of the plan. */
  readonly subject: string;
  readonly text: string;
}

/** What the farm promises. */
export const RULES = [
  "accepted jobs are known",
  "accepted jobs are listed",
  "jobs end",
  "one key is one job",
  "well-meant requests are not refused",
  "clients see the end",
  "ends stay",
  "canceled only when asked",
  "canceled when asked",
  "expired only when allowed",
  "innocent jobs do not fail",
  "frames agree with their job",
  "pictures are fetchable",
  "pictures are whole",
  "pictures are right",
  "one result per frame",
  "one end per log",
  "nothing follows the end",
  "log and job agree",
  "ids increase",
  "attempts do not go back",
  "what was streamed is in the log",
  "webhooks arrive",
  "webhooks verify",
  "webhooks agree with the log",
  "a webhook id is one event",
  "nothing is on the books at rest",
  "counters agree with the jobs",
] as const;

/** What the farm promises, in words. */
export type Rule = (typeof RULES)[number];
