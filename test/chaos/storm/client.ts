import { setTimeout as delay } from "node:timers/promises";
import {
  isTerminal,
  isTerminalEvent,
  type Job,
  jobSchema,
  type WireEvent,
  wireEventSchema,
} from "@latentfarm/contract";
import { EventSourceParserStream } from "eventsource-parser/stream";
import type { JobPlan } from "./plan.js";
import type { Sighting, Story } from "./record.js";

/** Milliseconds that a client waits for an answer: the gateway promises one within 2 s, this leaves it room. */
const ANSWER_MS_MAX = 10_000;
/** Milliseconds before a client asks again. */
const AGAIN_MS = 250;
/** Milliseconds that a client keeps one event stream, so that each job's log is read in several parts now and then. */
const STREAM_MS_MAX = 20_000;
/** Answers of a farm that is away for the moment: the request is as good as before. */
const PASSING: readonly number[] = [429, 500, 502, 503, 504];
const ACCEPTING: readonly number[] = [200, 202];

/** Whom a client is and where it turns to. */
export interface ClientOptions {
  /** The gateways, each as good as the other. */
  readonly urls: readonly string[];
  /** Of the plan's tenant. */
  readonly headers: Readonly<Record<string, string>>;
  readonly webhookUrl: string;
  /** Ends every wait: the storm has been over for as long as it may take to settle. */
  readonly signal: AbortSignal;
}

/** Plays the client of one planned job to its end, and gives what it was told. */
export async function playClient(plan: JobPlan, options: ClientOptions): Promise<Story> {
  const story: Story = {
    ...{ plan, accepted: [], oddAnswers: [], sightings: [], streams: [] },
    ...{ cancelAnswered: false, cancelSent: false, sawEnd: false },
  };
  const client = { story, options };
  const twice = plan.duplicate === "concurrent";
  await Promise.all([submit(client, 0), ...(twice ? [submit(client, 1)] : [])]);
  const [id] = story.accepted;
  if (id === undefined) return story;
  await Promise.all([
    plan.follow === "stream" ? followStream(client, id) : poll(client, id),
    ...(plan.cancelAfterMs === undefined ? [] : [cancel(client, id, plan.cancelAfterMs)]),
    ...(plan.duplicate === "later" ? [submitLater(client)] : []),
  ]);
  return story;
}

interface Client {
  readonly story: Story;
  readonly options: ClientOptions;
}

/** Asks one of the gateways, the next one each time; undefined when no answer came. */
async function ask(
  client: Client,
  path: string,
  init: RequestInit & { readonly turn: number },
): Promise<Response | undefined> {
  const { urls, headers, signal } = client.options;
  const url = urls[init.turn % urls.length];
  try {
    return await fetch(`${url}${path}`, {
      ...init,
      headers: { ...headers, ...Object.fromEntries(new Headers(init.headers)) },
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]),
    });
  } catch {
    return undefined;
  }
}

/** Submits until accepted; a client without a key has one try, since a second could be a second job. */
async function submit(client: Client, firstTurn: number): Promise<void> {
  const { plan } = client.story;
  for (let turn = firstTurn + plan.number; !client.options.signal.aborted; turn++) {
    const response = await ask(client, "/v1/jobs", {
      turn,
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(plan.key === undefined ? {} : { "idempotency-key": plan.key }),
      },
      body: JSON.stringify(bodyOf(plan, client.options.webhookUrl)),
    });
    if (response !== undefined && (await takeAnswer(client, response))) return;
    if (plan.key === undefined) return;
    await rest(client);
  }
}

/** True when no further try is needed. */
async function takeAnswer({ story }: Client, response: Response): Promise<boolean> {
  const text = await response.text().catch(() => undefined);
  if (text === undefined) return false;
  if (ACCEPTING.includes(response.status)) {
    const job = jobSchema.parse(JSON.parse(text));
    story.accepted.push(job.id);
    story.sightings.push({ status: job.status, how: "submit" });
    return true;
  }
  if (PASSING.includes(response.status)) return false;
  story.oddAnswers.push(`submit answered ${response.status}: ${text}`);
  return true;
}

/** What a plan's client posts. */
export function bodyOf(plan: JobPlan, webhookUrl: string): Readonly<Record<string, unknown>> {
  return {
    prompt: plan.prompt,
    seed: plan.seed,
    steps: plan.steps,
    num_images: plan.frames,
    priority: plan.priority,
    ...PICTURE,
    ...(plan.startWithin === undefined ? {} : { start_within: plan.startWithin }),
    ...(plan.webhook === undefined ? {} : { webhook: { url: webhookUrl, events: plan.webhook } }),
  };
}

/** What all pictures of a storm have in common: the cheapest ones of the demo model. */
export const PICTURE = { width: 64, height: 64, guidance_scale: 1 } as const;

async function submitLater(client: Client): Promise<void> {
  await delay(2 * AGAIN_MS);
  await submit(client, 1);
}

async function cancel(client: Client, id: string, afterMs: number): Promise<void> {
  await delay(afterMs);
  client.story.cancelSent = true;
  for (let turn = 0; !client.options.signal.aborted; turn++) {
    const response = await ask(client, `/v1/jobs/${id}/cancel`, { turn, method: "POST" });
    const job = await readJob(response);
    if (job !== undefined) {
      client.story.cancelAnswered = true;
      saw(client, { status: job.status, how: "cancel" });
      return;
    }
    await rest(client);
  }
}

async function poll(client: Client, id: string): Promise<void> {
  for (let turn = 0; !client.options.signal.aborted && !client.story.sawEnd; turn++) {
    const job = await readJob(await ask(client, `/v1/jobs/${id}`, { turn }));
    if (job !== undefined) saw(client, { status: job.status, how: "poll" });
    if (!client.story.sawEnd) await rest(client);
  }
}

async function readJob(response: Response | undefined): Promise<Job | undefined> {
  const text = await response?.text().catch(() => undefined);
  return response?.status === 200 && text !== undefined ? jobSchema.parse(JSON.parse(text)) : undefined;
}

/** Follows the event stream over as many connections as it takes. */
async function followStream(client: Client, id: string): Promise<void> {
  const { story, options } = client;
  for (let turn = 0; !options.signal.aborted && !story.sawEnd; turn++) {
    const events: WireEvent[] = [];
    const after = story.streams.findLast((stream) => stream.length > 0)?.at(-1)?.id;
    story.streams.push(events);
    await readStream(client, { id, after, turn, events });
    for (const event of events) {
      if (isTerminalEvent(event.type)) saw(client, sightingOf(event.type));
    }
    if (!story.sawEnd) await rest(client);
  }
}

async function readStream(
  { options }: Client,
  part: {
    readonly id: string;
    readonly after: number | undefined;
    readonly turn: number;
    readonly events: WireEvent[];
  },
): Promise<void> {
  const url = options.urls[part.turn % options.urls.length];
  try {
    const response = await fetch(`${url}/v1/jobs/${part.id}/events`, {
      headers: {
        ...options.headers,
        ...(part.after === undefined ? {} : { "last-event-id": String(part.after) }),
      },
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(STREAM_MS_MAX)]),
    });
    if (response.status !== 200 || response.body === null) return void (await response.body?.cancel());
    const messages = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
    for await (const { data } of messages) part.events.push(wireEventSchema.parse(JSON.parse(data)));
  } catch (error) {
    // A broken stream is the storm's doing; an event that cannot be read is the farm's.
    if (error instanceof SyntaxError || (error instanceof Error && error.name === "ZodError")) throw error;
  }
}

const ENDS: ReadonlyMap<string, Sighting["status"]> = new Map([
  ["job.succeeded", "succeeded"],
  ["job.failed", "failed"],
  ["job.canceled", "canceled"],
  ["job.expired", "expired"],
]);

function sightingOf(type: string): Sighting {
  const status = ENDS.get(type);
  if (status === undefined) throw new Error(`no end: ${type}`);
  return { status, how: "stream" };
}

function saw({ story }: Client, sighting: Sighting): void {
  story.sightings.push(sighting);
  if (isTerminal(sighting.status) && sighting.how !== "cancel") story.sawEnd = true;
}

async function rest({ options }: Client): Promise<void> {
  await delay(AGAIN_MS, undefined, { signal: options.signal }).catch(() => undefined);
}
