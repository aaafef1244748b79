import {
  COUNTERS,
  createJobId,
  type Frame,
  type Job,
  jobSchema,
  type Stats,
  statsSchema,
  type WireEvent,
  wireEventSchema,
} from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { judge } from "./oracle.js";
import { planJob } from "./plan.js";
import { type Ending, type Receipt, RULES, type Rule, type StormRecord, type Story } from "./record.js";

const ID = createJobId({ nowMs: 0, random: new Uint8Array(10) });
const OTHER_ID = createJobId({ nowMs: 1, random: new Uint8Array(10) });
const SHA = "a".repeat(64);

function event(id: number, type: WireEvent["type"], data: unknown = {}): WireEvent {
  return wireEventSchema.parse({ id, job_id: ID, timestamp: "2026-01-01T00:00:00.000Z", type, data });
}

const FRAME: Frame = {
  index: 0,
  seed: "100",
  status: "succeeded",
  attempt: 1,
  url: `/v1/jobs/${ID}/frames/0`,
  width: 64,
  height: 64,
  format: "png",
  bytes: 9,
  sha256: SHA,
  worker: "w",
  plan: "cpu",
  resumed_from_step: 0,
  provenance: null,
  timings: null,
  notes: [],
  error: null,
};

const progress = (id: number, attempt: number) =>
  event(id, "frame.progress", { index: 0, attempt, step: 1, steps: 2 });

/** The log of one frame that went well. */
const LOG = [
  event(1, "job.queued", { frames: 1 }),
  event(2, "job.started"),
  progress(3, 1),
  event(4, "frame.succeeded", FRAME),
  event(5, "job.succeeded"),
];

const JOB: Job = jobSchema.parse({
  id: ID,
  status: "succeeded",
  created_at: "2026-01-01T00:00:00.000Z",
  started_at: null,
  finished_at: null,
  model: "m",
  params: {
    prompt: "p",
    negative_prompt: "",
    model: "m",
    width: 64,
    height: 64,
    steps: 2,
    guidance_scale: 1,
    sampler: "euler",
    scheduler: "simple",
    shift: 3,
    seed: "100",
    output_format: "png",
    output_quality: 90,
    num_images: 1,
    priority: "normal",
  },
  progress: { step: 2, steps: 2, frames_done: 1, frames: 1 },
  position: null,
  eta_seconds: null,
  frames: [FRAME],
  error: null,
  metadata: {},
  webhook: null,
  frames_next_cursor: null,
  urls: { self: "", events: "", frames: "", cancel: "", retry: "", deliveries: "" },
});

/** The parts of a record without a fault, each of which a test can change. */
interface Parts {
  story: Story;
  job: Job | undefined;
  log: WireEvent[];
  served: Ending["frames"][number][];
  receipts: Receipt[];
  jobs: Job[];
  stats: Stats;
}

function sound(): Parts {
  const receipt = (sequence: number, type: string): Receipt => ({
    ...{ id: `msg_${sequence}`, jobId: ID, type, sequence },
    ...{ verified: true, answer: 200 },
  });
  return {
    story: {
      plan: {
        ...planJob(1, 0),
        ...{
          webhook: ["frame.succeeded", "job.succeeded"],
          startWithin: undefined,
          cancelAfterMs: undefined,
        },
      },
      accepted: [ID, ID],
      oddAnswers: [],
      sightings: [
        { status: "queued", how: "submit" },
        { status: "succeeded", how: "stream" },
      ],
      streams: [LOG.slice(0, 3), LOG.slice(3)],
      ...{ cancelAnswered: false, cancelSent: false, sawEnd: true },
    },
    job: structuredClone(JOB),
    log: [...LOG],
    served: [{ index: 0, status: 200, sha256: SHA, difference: 0.01 }],
    receipts: [receipt(4, "frame.succeeded"), receipt(5, "job.succeeded")],
    jobs: [JOB],
    stats: statsSchema.parse({
      ...{ frames_queued: 0, frames_running: 0, backlog_cost: 0, backlog_seconds: 0, rate: null },
      ...{ workers: 0, models: [], eta: { jobs: 0, within_band: 0, ratio_buckets: {} } },
      counters: { ...NO_COUNTS, jobs_submitted: 1, jobs_succeeded: 1, frames_succeeded: 1 },
      tenant: { name: "t", weight: 1, queued_cost: 0, concurrent_frames: 0, running_frames: 0 },
    }),
  };
}

const NO_COUNTS = Object.fromEntries(COUNTERS.map((name) => [name, 0]));

function recordOf({ story, job, log, served, receipts, jobs, stats }: Parts): StormRecord {
  return {
    stories: [story],
    endings: [{ id: ID, job, log, frames: served }],
    receipts,
    jobs,
    stats: [stats],
  };
}

/** A change of a sound record and the promises that it breaks. */
const BREACHES: readonly (readonly [what: string, breach: (parts: Parts) => void, rules: readonly Rule[]])[] =
  [
    ["a job is forgotten", (p) => Object.assign(p, { job: undefined }), ["accepted jobs are known"]],
    ["a job never ends", (p) => Object.assign(p, { job: { ...JOB, status: "running" } }), ["jobs end"]],
    [
      "a lost answer's job never ends",
      (p) => p.jobs.push({ ...JOB, id: OTHER_ID, status: "queued" }),
      ["jobs end"],
    ],
    ["a list leaves a job out", (p) => p.jobs.shift(), ["accepted jobs are listed"]],
    [
      "a quota leaks",
      (p) => Object.assign(p.stats.tenant, { queued_cost: 1 }),
      ["nothing is on the books at rest"],
    ],
    [
      "a frame is for ever running",
      (p) => Object.assign(p.stats, { frames_running: 1 }),
      ["nothing is on the books at rest"],
    ],
    [
      "a counter counts twice",
      (p) => Object.assign(p.stats.counters, { frames_succeeded: 2 }),
      ["counters agree with the jobs"],
    ],
    [
      "a counter forgets",
      (p) => Object.assign(p.stats.counters, { jobs_submitted: 0 }),
      ["counters agree with the jobs"],
    ],
    ["one key gives two jobs", (p) => p.story.accepted.push("job_other"), ["one key is one job"]],
    [
      "a sound body is refused",
      (p) => p.story.oddAnswers.push("422"),
      ["well-meant requests are not refused"],
    ],
    [
      "no stream or poll tells the end",
      (p) => Object.assign(p.story, { sawEnd: false }),
      ["clients see the end"],
    ],
    [
      "an end is taken back",
      (p) => p.story.sightings.push({ status: "canceled", how: "cancel" }),
      ["ends stay"],
    ],
    ["a job is canceled by itself", (p) => endAs(p, "canceled"), ["canceled only when asked"]],
    [
      "a cancel comes undone",
      (p) => {
        p.story.cancelAnswered = true;
        endAs(p, "failed");
      },
      ["canceled when asked"],
    ],
    ["a job without a limit expires", (p) => endAs(p, "expired"), ["expired only when allowed"]],
    ["a sound job fails", (p) => endAs(p, "failed"), ["innocent jobs do not fail"]],
    [
      "an ended job has a running frame",
      (p) => Object.assign(p, { job: jobWith({ status: "running" }) }),
      ["frames agree with their job"],
    ],
    [
      "a frame of a succeeded job failed",
      (p) => Object.assign(p, { job: jobWith({ status: "failed" }) }),
      ["frames agree with their job"],
    ],
    [
      "a picture is gone",
      (p) =>
        Object.assign(p, { served: [{ index: 0, status: 404, sha256: undefined, difference: undefined }] }),
      ["pictures are fetchable"],
    ],
    ["a picture was never asked for", (p) => Object.assign(p, { served: [] }), ["pictures are fetchable"]],
    [
      "a picture has other bytes",
      (p) => Object.assign(p, { served: [{ index: 0, status: 200, sha256: "b", difference: 0 }] }),
      ["pictures are whole"],
    ],
    [
      "a picture is another's",
      (p) => Object.assign(p, { served: [{ index: 0, status: 200, sha256: SHA, difference: 40 }] }),
      ["pictures are right"],
    ],
    [
      "a picture cannot be read",
      (p) => Object.assign(p, { served: [{ index: 0, status: 200, sha256: SHA, difference: undefined }] }),
      ["pictures are right"],
    ],
    [
      "a result is published twice",
      (p) => p.log.splice(4, 1, event(5, "frame.succeeded", FRAME), event(6, "job.succeeded")),
      ["one result per frame"],
    ],
    ["a job ends twice", (p) => p.log.push(event(6, "job.canceled")), ["one end per log"]],
    ["a log has no end", (p) => p.log.pop(), ["one end per log"]],
    [
      "a superseded attempt speaks after the end",
      (p) => p.log.push(progress(6, 1)),
      ["nothing follows the end"],
    ],
    [
      "the log ends otherwise than the job",
      (p) => p.log.splice(4, 1, event(5, "job.canceled")),
      ["log and job agree"],
    ],
    ["a result is in the job alone", (p) => p.log.splice(3, 1), ["log and job agree"]],
    ["the log loses its beginning", (p) => p.log.shift(), ["log and job agree"]],
    [
      "the log names other bytes",
      (p) => p.log.splice(3, 1, event(4, "frame.succeeded", { ...FRAME, sha256: "c" })),
      ["log and job agree"],
    ],
    [
      "the log counts backwards",
      (p) => p.log.splice(1, 2, progress(3, 1), event(2, "job.started")),
      ["ids increase"],
    ],
    ["a stream counts backwards", (p) => p.story.streams.push([...LOG].reverse()), ["ids increase"]],
    [
      "a stream repeats an id",
      (p) => p.story.streams.push([...LOG.slice(0, 1), ...LOG.slice(0, 1)]),
      ["ids increase"],
    ],
    [
      "an older attempt speaks again",
      (p) => p.log.splice(2, 1, progress(3, 2), { ...progress(3, 1), id: 3.5 }),
      ["attempts do not go back"],
    ],
    [
      "an attempt speaks after the result",
      (p) => p.log.splice(4, 1, progress(5, 1), event(6, "job.succeeded")),
      ["attempts do not go back"],
    ],
    [
      "an event that was told is lost",
      (p) => p.story.streams.push([event(9, "job.canceled")]),
      ["what was streamed is in the log"],
    ],
    [
      "an event is told as another",
      (p) => p.story.streams.push([event(3, "job.started")]),
      ["what was streamed is in the log"],
    ],
    ["a webhook is lost", (p) => p.receipts.shift(), ["webhooks arrive"]],
    [
      "a webhook is given up after a 500",
      (p) => p.receipts.splice(0, 1, { ...receiptOf(p), answer: 500 }),
      ["webhooks arrive"],
    ],
    [
      "a webhook is given up after a break",
      (p) => p.receipts.splice(0, 1, { ...receiptOf(p), answer: undefined }),
      ["webhooks arrive"],
    ],
    [
      "a webhook is not signed",
      (p) => p.receipts.push({ ...receiptOf(p), verified: false }),
      ["webhooks verify"],
    ],
    [
      "a webhook tells what did not happen",
      (p) => p.receipts.push({ ...receiptOf(p), id: "msg_9", sequence: 9 }),
      ["webhooks agree with the log"],
    ],
    [
      "a webhook tells what was not asked for",
      (p) => p.receipts.push({ ...receiptOf(p), id: "msg_2", sequence: 2, type: "job.started" }),
      ["webhooks agree with the log"],
    ],
    [
      "two events share an id",
      (p) => p.receipts.splice(1, 1, { ...receiptOf(p), sequence: 5, type: "job.succeeded" }),
      ["a webhook id is one event"],
    ],
    [
      "a repeat has an id of its own",
      (p) => p.receipts.push({ ...receiptOf(p), id: "msg_other" }),
      ["a webhook id is one event"],
    ],
  ];

function receiptOf({ receipts: [first] }: Parts): Receipt {
  if (first === undefined) throw new Error("a sound record has receipts");
  return first;
}

function jobWith(change: Partial<Frame>): Job {
  return { ...JOB, frames: [{ ...FRAME, ...change }] };
}

/** The whole record as that of a job which ended so before its frame was drawn. */
function endAs(parts: Parts, status: "canceled" | "failed" | "expired"): void {
  parts.job = { ...jobWith({ status, sha256: null }), status };
  const data = status === "failed" ? { error: { code: "internal", message: "x" } } : {};
  parts.log = [...LOG.slice(0, 3), event(4, `job.${status}`, data)];
  parts.story = { ...parts.story, sightings: [{ status, how: "poll" }], streams: [] };
  parts.receipts = [];
}

describe("judge()", () => {
  it("finds nothing in a sound record", () => {
    expect(judge(recordOf(sound()))).toEqual([]);
  });

  it("takes a retry's second end, and a repeat of a webhook", () => {
    const parts = sound();
    parts.log = [
      event(1, "job.queued", { frames: 1 }),
      event(2, "job.failed", { error: { code: "internal", message: "x" } }),
      event(3, "job.retried", { frames: 1 }),
      event(4, "frame.succeeded", FRAME),
      event(5, "job.succeeded"),
    ];
    parts.story = { ...parts.story, streams: [] };
    parts.receipts.push(receiptOf(parts));
    expect(judge(recordOf(parts))).toEqual([]);
  });

  it.each(BREACHES)("finds it when %s", (_what, breach, rules) => {
    const parts = sound();
    breach(parts);
    const found = new Set(judge(recordOf(parts)).map(({ rule }) => rule));
    expect([...found]).toEqual(expect.arrayContaining([...rules]));
  });

  it("has a breach for every rule", () => {
    const breached = new Set(BREACHES.flatMap(([, , rules]) => rules));
    expect(RULES.filter((rule) => !breached.has(rule))).toEqual([]);
  });
});
