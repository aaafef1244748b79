import { createHash } from "node:crypto";
import {
  type Job,
  jobListSchema,
  jobSchema,
  type Stats,
  statsSchema,
  wireEventSchema,
} from "@latentfarm/contract";
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

/** Every job of the tenants, found by their lists, in full. */
export async function readJobs(tenants: readonly ReadOptions[]): Promise<Job[]> {
  const jobs: Job[] = [];
  for (const { url, headers } of tenants) {
    const get = async (path: string): Promise<unknown> => {
      const response = await fetch(`${url}${path}`, { headers, signal: AbortSignal.timeout(ANSWER_MS_MAX) });
      return response.json();
    };
    for (let cursor: string | null = ""; cursor !== null; ) {
      const query = new URLSearchParams({ limit: String(PAGE), ...(cursor === "" ? {} : { cursor }) });
      const page = jobListSchema.parse(await get(`/v1/jobs?${query}`));
      for (const { id } of page.jobs) jobs.push(jobSchema.parse(await get(`/v1/jobs/${id}`)));
      cursor = page.next_cursor;
    }
  }
  return jobs;
}

/** The farm's numbers, as each tenant is told them. */
export async function readStats(tenants: readonly ReadOptions[]): Promise<Stats[]> {
  return Promise.all(
    tenants.map(async ({ url, headers }) => {
      const response = await fetch(`${url}/v1/stats`, {
        headers,
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      });
      return statsSchema.parse(await response.json());
    }),
  );
}
