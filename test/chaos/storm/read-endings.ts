import { createHash } from "node:crypto";
import { type Job, type JobSummary, jobListSchema, jobSchema, wireEventSchema } from "@latentfarm/contract";
import { EventSourceParserStream } from "eventsource-parser/stream";
import type { Gallery } from "./gallery.js";
import type { Ending, ServedFrame, Story } from "./record.js";

/** Milliseconds for one answer of a farm at rest. */
const ANSWER_MS_MAX = 10_000;
/** Milliseconds that the log of an ended job takes to be read; that of one that hangs is read as far as it goes. */
const LOG_MS_MAX = 5_000;

/** Jobs of one page of a list. */
const PAGE = 100;

/** How the farm is asked after the storm. */
export interface ReadOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly gallery: Gallery;
}

/** What the farm says about one job after the storm. */
export async function readEnding(story: Story, id: string, options: ReadOptions): Promise<Ending> {
  const { url, headers } = options;
  const response = await fetch(`${url}/v1/jobs/${id}`, {
    headers,
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
  const text = await response.text();
  if (response.status === 404) return { id, job: undefined, log: [], frames: [] };
  if (response.status !== 200)
    throw new Error(`job ${id} answers ${response.status} after the storm: ${text}`);
  const job = jobSchema.parse(JSON.parse(text));
  const drawn = job.frames.filter(({ status }) => status === "succeeded");
  return {
    ...{ id, job },
    log: await readLog(job, options),
    frames: await Promise.all(drawn.map(({ index }) => readFrame({ story, job, index }, options))),
  };
}

async function readLog(job: Job, { url, headers }: ReadOptions): Promise<Ending["log"]> {
  const events: Ending["log"][number][] = [];
  try {
    const response = await fetch(`${url}/v1/jobs/${job.id}/events`, {
      headers,
      signal: AbortSignal.timeout(LOG_MS_MAX),
    });
    const messages = response.body
      ?.pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
    for await (const { data } of messages ?? []) events.push(wireEventSchema.parse(JSON.parse(data)));
  } catch (error) {
    if (!(error instanceof Error && error.name === "TimeoutError")) throw error;
  }
  return events;
}

async function readFrame(
  of: { readonly story: Story; readonly job: Job; readonly index: number },
  { url, headers, gallery }: ReadOptions,
): Promise<ServedFrame> {
  const { story, job, index } = of;
  const { prompt, steps, seed } = story.plan;
  const response = await fetch(`${url}/v1/jobs/${job.id}/frames/${index}`, {
    headers,
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (response.status !== 200)
    return { index, status: response.status, sha256: undefined, difference: undefined };
  return {
    index,
    status: 200,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    difference: gallery.differenceOf({ prompt, steps, seed: seed + index }, bytes),
  };
}

/** The jobs of the tenants that no client was told of: the answer to their submit was lost. */
export async function readUnheard(
  tenants: readonly ReadOptions[],
  heard: ReadonlySet<string>,
): Promise<JobSummary[]> {
  const unheard = new Map<string, JobSummary>();
  for (const { url, headers } of tenants) {
    for (let cursor: string | null = ""; cursor !== null; ) {
      const query = new URLSearchParams({ limit: String(PAGE), ...(cursor === "" ? {} : { cursor }) });
      const response = await fetch(`${url}/v1/jobs?${query}`, {
        headers,
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      });
      const page = jobListSchema.parse(await response.json());
      for (const job of page.jobs) if (!heard.has(job.id)) unheard.set(job.id, job);
      cursor = page.next_cursor;
    }
  }
  return [...unheard.values()];
}
