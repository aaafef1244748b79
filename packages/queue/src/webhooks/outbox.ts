import {
  FarmError,
  isJobId,
  type JobHead,
  type JobId,
  type JobWebhook,
  LIMITS,
  WEBHOOK_EVENTS,
  type WebhookEvent,
} from "@latentfarm/contract";
import type { FarmSpan, Tracing } from "@latentfarm/telemetry";
import type { Redis } from "ioredis";
import type { QueueLog } from "../farm.js";
import { decodeHead, readStoredHead, type StoredJob } from "../jobs/job-record.js";
import { readFrames } from "../jobs/read-frames.js";
import { jobEventsKey, PREFIX } from "../keys.js";
import { bounded } from "../redis/errors.js";
import { runScript } from "../redis/run-script.js";
import { placeOfFrame } from "../tracing/read-places.js";
import { FILE_DELIVERY } from "./delivery-scripts.js";
import { type OutboxEvent, webhookBody } from "./payload.js";
import { deliveryId, deliveryKey, OUTBOX_KEY } from "./webhook-keys.js";
import { OUTBOX_PAGE, OUTBOX_RETRY_MS, OUTBOX_SKIPPED_MAX } from "./webhook-limits.js";

/** What deliveries are made with. */
export interface OutboxContext {
  readonly redis: Redis;
  readonly log: QueueLog;
  readonly tracing: Tracing;
  /** Stands before the paths in bodies. */
  readonly publicUrl: string;
}

interface Member {
  readonly text: string;
  readonly atMs: number;
  readonly jobId: JobId;
  readonly sequence: number;
  readonly type: WebhookEvent;
}

/** A job without its frames, and what Redis holds of it. */
interface ReadJob {
  readonly head: JobHead;
  readonly stored: StoredJob;
}

/** The frames that the body of a job's event lists. */
const FIRST_FRAMES = Array.from({ length: LIMITS.webhook_frames_max }, (_, index) => index);

/**
 * Makes deliveries of the events in the outbox. An event leaves it in the script that writes its delivery down, so a
 * courier that dies at any moment loses none, and the delivery's id and first body stand however often that is tried.
 */
export class Outbox {
  readonly #context: OutboxContext;
  /** Events whose delivery could not be made, with the time from which on they are tried again. */
  readonly #skipped = new Map<string, number>();

  constructor(context: OutboxContext) {
    this.#context = context;
  }

  /**
   * Takes out one page. Gives how many deliveries were made; 0 when nothing is left to do now.
   * @throws {FarmError} queue_unavailable
   */
  async fileSome(): Promise<number> {
    const { redis } = this.#context;
    if (this.#skipped.size > OUTBOX_SKIPPED_MAX) this.#skipped.clear();
    const page = OUTBOX_PAGE + this.#skipped.size;
    const pairs = await bounded("read the outbox", () =>
      redis.zrange(OUTBOX_KEY, "0", `${page - 1}`, "WITHSCORES"),
    );
    const texts = pairs.filter((_, i) => i % 2 === 0);
    const members: Member[] = [];
    for (const [i, text] of texts.entries()) {
      if ((this.#skipped.get(text) ?? 0) > Date.now()) continue;
      const member = parseMember(text, Number(pairs[2 * i + 1]));
      if (member === undefined) this.#skip(text, "it is malformed");
      else members.push(member);
    }
    const ids = [...new Set(members.map(({ jobId }) => jobId))];
    const made = await Promise.all(ids.map((id) => this.#fileJob(id, inOrder(members, id))));
    return made.reduce((sum, count) => sum + count, 0);
  }

  /** The deliveries of one job's events: the job's head is read once for all, of its frames those that a body lists. */
  async #fileJob(id: JobId, members: readonly Member[]): Promise<number> {
    const job = await this.#readJob(id, members);
    if (job === "unread") return 0;
    const webhook = job?.head.webhook;
    if (!job || !webhook) {
      await this.#drop(members, job === undefined ? "its job is forgotten" : "its job has no webhook");
      return 0;
    }
    let made = 0;
    for (const member of members) {
      try {
        await this.#file(member, job, webhook);
        made++;
        this.#skipped.delete(member.text);
      } catch (error) {
        if (error instanceof FarmError && error.code === "queue_unavailable") throw error;
        this.#skip(member.text, String(error));
      }
    }
    return made;
  }

  /** A job that cannot be read must not hold up those behind it. */
  async #readJob(id: JobId, members: readonly Member[]): Promise<ReadJob | undefined | "unread"> {
    try {
      const stored = await readStoredHead(this.#context.redis, id);
      return stored && { head: decodeHead(stored), stored };
    } catch (error) {
      if (error instanceof FarmError && error.code === "queue_unavailable") throw error;
      for (const { text } of members) this.#skip(text, `its job cannot be read: ${String(error)}`);
      return "unread";
    }
  }

  async #file(member: Member, job: ReadJob, webhook: JobWebhook): Promise<void> {
    const { redis, log, publicUrl, tracing } = this.#context;
    const { type, sequence, atMs } = member;
    const { head } = job;
    const frame = await this.#frameOf(member);
    const event: OutboxEvent = { type, sequence, atMs, frame };
    const frames = await readFrames(redis, job, frame === undefined ? FIRST_FRAMES : [frame]);
    const id = deliveryId(head.id, sequence);
    const body = webhookBody(event, { ...head, frames }, publicUrl);
    const span = this.#begin({ id, type, frame: frame ?? 0 }, job);
    const { endpoint, url } = webhook;
    const [outcome] = await runScript(redis, FILE_DELIVERY, {
      keys: [deliveryKey(id), OUTBOX_KEY],
      args: [
        ...[member.text, id, head.id, head.tenant, endpoint, url, type, sequence, body],
        tracing.write(span.context),
      ],
    }).finally(() => span.end());
    if (outcome === "overflowed") {
      log.warn(
        { jobId: head.id, delivery: id, tenant: head.tenant, limit: "webhook_pending_max" },
        "delivery is given up at once",
      );
    }
  }

  /** The span of one event becoming a delivery, in its job's trace. */
  #begin(
    event: { readonly id: string; readonly type: WebhookEvent; readonly frame: number },
    { head, stored }: ReadJob,
  ): FarmSpan {
    const { tracing } = this.#context;
    const parent = tracing.read(placeOfFrame(tracing, stored.fields.trace, event.frame)) ?? tracing.root();
    const attributes = {
      "messaging.system": "bullmq",
      "messaging.operation.type": "send",
      "messaging.destination.name": "deliveries",
      "farm.job.id": head.id,
      "farm.delivery.id": event.id,
      "farm.delivery.event": event.type,
    } as const;
    return tracing.start("file_delivery", { parent, attributes });
  }

  /** The frame of a frame's event, as the job's log has it; undefined when the log has lost it by its cap. */
  async #frameOf({ type, jobId, sequence }: Member): Promise<number | undefined> {
    if (!type.startsWith("frame.")) return undefined;
    const at = `${sequence}-0`;
    const [entry] = await bounded("read the event", () =>
      this.#context.redis.xrange(jobEventsKey(jobId), at, at),
    );
    const data = entry?.[1][entry[1].indexOf("data") + 1];
    const parsed: unknown = data === undefined ? undefined : JSON.parse(data);
    if (typeof parsed !== "object" || parsed === null || !("index" in parsed)) return undefined;
    return typeof parsed.index === "number" ? parsed.index : undefined;
  }

  /** Gives up events that no delivery can be made of: their job was forgotten before any courier looked. */
  async #drop(members: readonly Member[], reason: string): Promise<void> {
    const { redis, log } = this.#context;
    for (const { text, jobId, sequence, type } of members) {
      const removed = await bounded("drop an event", () => redis.zrem(OUTBOX_KEY, text));
      if (removed === 0) continue;
      await bounded("count the event", () => redis.hincrby(`${PREFIX}:counters`, "deliveries_dead", 1));
      log.error({ jobId, sequence, type, reason }, "event is not delivered");
    }
  }

  #skip(text: string, reason: string): void {
    if (!this.#skipped.has(text)) this.#context.log.error({ event: text, reason }, "event is left alone");
    this.#skipped.set(text, Date.now() + OUTBOX_RETRY_MS);
  }
}

/** The events of one job in its own order: those of one millisecond come in another one. */
function inOrder(members: readonly Member[], id: JobId): Member[] {
  return members.filter(({ jobId }) => jobId === id).sort((a, b) => a.sequence - b.sequence);
}

function parseMember(text: string, atMs: number): Member | undefined {
  const [jobId = "", number = "", name = "", ...rest] = text.split("|");
  const type = WEBHOOK_EVENTS.find((known) => known === name);
  const sequence = Number(number);
  if (rest.length > 0 || type === undefined || !isJobId(jobId) || !Number.isSafeInteger(sequence))
    return undefined;
  return { text, atMs, jobId, sequence, type };
}
