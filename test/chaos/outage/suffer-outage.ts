import { setTimeout as delay } from "node:timers/promises";
import { getJob, runJob, submit, type TestFarm } from "../../harness/index.js";

/** How Redis goes away: killed and started again on its append-only file, or frozen. */
export type OutageKind = "killed" | "frozen";

/** What was seen of an outage from outside. */
export interface OutageReport {
  /** Answers of the gateway while Redis was away. */
  readonly answers: number;
  /** Those that were not a 503 with `Retry-After`. */
  readonly wrongAnswers: readonly string[];
  readonly slowestAnswerMs: number;
  /** Milliseconds from Redis's return to the first frame that was submitted after it and drawn, by worker. */
  readonly fetchedAgainMs: Readonly<Record<string, number>>;
}

/** The smallest job: it asks whether a worker fetches, not how fast it draws. */
const SMALL = { prompt: "a yellow sun", width: 64, height: 64, steps: 1, guidance_scale: 1 };
/** Long enough that a worker which is free takes the next frame before the one that draws can. */
const STEPS_TO_SHARE = 30;
/** Milliseconds between requests during the outage. */
const ASK_MS = 250;
/** Milliseconds after which a worker that fetched nothing is given up, well above the promise. */
const GIVEN_UP_MS = 40_000;
/** Milliseconds before a request that gets no answer at all is given up. */
const ANSWER_MS_MAX = 10_000;

/** Takes Redis away from a farm for a while, asks the gateway meanwhile, and waits until every worker draws again. */
export async function sufferOutage(
  farm: TestFarm,
  outage: { readonly kind: OutageKind; readonly seconds: number },
): Promise<OutageReport> {
  const known = await runJob(farm.url, SMALL);
  const { redis } = farm;
  if (outage.kind === "killed") await redis.kill();
  else redis.pause();
  const answers = await askUntil(farm, known.id, performance.now() + outage.seconds * 1_000);
  if (outage.kind === "killed") await redis.restart();
  else redis.resume();
  const fetchedAgainMs = await fetchAgain(farm, performance.now());
  return {
    answers: answers.length,
    wrongAnswers: answers.flatMap(({ wrong }) => (wrong === undefined ? [] : [wrong])),
    slowestAnswerMs: Math.max(...answers.map(({ ms }) => ms)),
    fetchedAgainMs,
  };
}

interface Answer {
  readonly ms: number;
  readonly wrong: string | undefined;
}

/** Reads a job and submits one in turn; a request that is under way when Redis returns does not count. */
async function askUntil(farm: TestFarm, id: string, endMs: number): Promise<Answer[]> {
  const answers: Promise<Answer>[] = [];
  while (performance.now() < endMs - ANSWERED_BEFORE_END_MS) {
    const isRead = answers.length % 2 === 0;
    answers.push(isRead ? ask(`${farm.url}/v1/jobs/${id}`) : ask(`${farm.url}/v1/jobs`, SMALL));
    await delay(ASK_MS);
  }
  const all = await Promise.all(answers);
  await delay(Math.max(0, endMs - performance.now()));
  return all;
}

/** Milliseconds before its end in which an outage is no longer asked into, so that it answers what was asked. */
const ANSWERED_BEFORE_END_MS = 2_000;

async function ask(url: string, body?: unknown): Promise<Answer> {
  const begunMs = performance.now();
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  try {
    const response = await fetch(url, {
      ...init,
      headers: { "content-type": "application/json" },
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const text = await response.text();
    const isRight = response.status === 503 && Number(response.headers.get("retry-after")) > 0;
    return { ms: performance.now() - begunMs, wrong: isRight ? undefined : `${response.status}: ${text}` };
  } catch (error) {
    return { ms: performance.now() - begunMs, wrong: String(error) };
  }
}

/** Submits job after job until every worker has drawn a frame. */
async function fetchAgain(farm: TestFarm, backMs: number): Promise<Readonly<Record<string, number>>> {
  const waited = new Map<string, number>();
  const isOpen = () => waited.size < farm.workers.length && performance.now() - backMs < GIVEN_UP_MS;
  while (isOpen()) {
    await delay(ASK_MS);
    await drawSome(farm, waited, backMs);
  }
  return Object.fromEntries(waited);
}

/** One job with more frames than workers; the farm may still be away for a moment. */
async function drawSome(farm: TestFarm, waited: Map<string, number>, backMs: number): Promise<void> {
  const body = { ...SMALL, steps: STEPS_TO_SHARE, num_images: 2 * farm.workers.length };
  const job = await submit(farm.url, body).catch(() => undefined);
  if (job === undefined) return;
  for (let at = performance.now(); at - backMs < GIVEN_UP_MS; at = performance.now()) {
    const seen = await getJob(farm.url, job.id).catch(() => undefined);
    for (const { worker } of seen?.frames ?? []) {
      if (worker !== null && !waited.has(worker)) waited.set(worker, performance.now() - backMs);
    }
    if (seen?.status === "succeeded") return;
    await delay(ASK_MS / 5);
  }
}
