import { type Job, jobSchema, type WireEvent, wireEventSchema } from "@latentfarm/contract";
import { EventSourceParserStream } from "eventsource-parser/stream";

/** Longest wait for a job of the demo model on a loaded machine. */
const JOB_TIMEOUT_MS = 90_000;

/** What a request carries beside its body, such as a key. */
type Headers = Readonly<Record<string, string>>;

/** Posts a job and gives the status and the body as they came. */
export async function post(url: string, body: unknown, headers: Headers = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

/** Submits a job that must be accepted. */
export async function submit(farmUrl: string, body: unknown, headers: Headers = {}): Promise<Job> {
  const response = await post(`${farmUrl}/v1/jobs`, body, headers);
  if (response.status !== 202)
    throw new Error(`submit answered ${response.status}: ${await response.text()}`);
  return jobSchema.parse(await response.json());
}

/** The job as it stands. */
export async function getJob(farmUrl: string, id: string, headers: Headers = {}): Promise<Job> {
  const response = await fetch(`${farmUrl}/v1/jobs/${id}`, { headers });
  if (response.status !== 200)
    throw new Error(`the job answered ${response.status}: ${await response.text()}`);
  return jobSchema.parse(await response.json());
}

/** Every event of the job from `after` to the last one, read from the event stream; each is given to `onEvent`. */
export async function readEvents(
  job: Job,
  options: {
    readonly farmUrl: string;
    readonly headers?: Headers;
    readonly after?: number;
    readonly onEvent?: (event: WireEvent) => void | Promise<void>;
  },
): Promise<WireEvent[]> {
  const response = await fetch(new URL(job.urls.events, options.farmUrl), {
    headers: {
      ...options.headers,
      ...(options.after === undefined ? {} : { "last-event-id": String(options.after) }),
    },
    signal: AbortSignal.timeout(JOB_TIMEOUT_MS),
  });
  if (response.body === null) throw new Error(`events answered ${response.status} without a body`);
  const events: WireEvent[] = [];
  const stream = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream());
  for await (const message of stream) {
    const event = wireEventSchema.parse(JSON.parse(message.data));
    events.push(event);
    await options.onEvent?.(event);
  }
  return events;
}

/** Submits a job and gives it when it has ended. */
export async function runJob(farmUrl: string, body: unknown, headers: Headers = {}): Promise<Job> {
  const job = await submit(farmUrl, body, headers);
  await readEvents(job, { farmUrl, headers });
  return getJob(farmUrl, job.id, headers);
}

/** The stored bytes of one frame. */
export async function fetchFrame(
  farmUrl: string,
  job: Job,
  index = 0,
  headers: Headers = {},
): Promise<Buffer> {
  const response = await fetch(`${farmUrl}/v1/jobs/${job.id}/frames/${index}`, { headers });
  if (!response.ok) throw new Error(`frame ${index} answered ${response.status}: ${await response.text()}`);
  return Buffer.from(await response.arrayBuffer());
}
