import { FarmError, isJobId } from "@latentfarm/contract";
import type { Tracing } from "@latentfarm/telemetry";
import type { Redis } from "ioredis";
import type { QueueLog } from "../farm.js";
import { fairKey, frameEntryPrefix, queueModel } from "../keys.js";
import { RELEASE_MAX } from "../limits.js";
import { runScript } from "../redis/run-script.js";
import { RELEASE, STRAYS } from "../scripts/release.js";
import type { Script } from "../scripts/script.js";
import type { FrameQueues, ReleasedFrame } from "./frame-queues.js";

/** What releasing needs. */
export interface ReleaseContext {
  readonly redis: Redis;
  readonly queues: FrameQueues;
  readonly log: QueueLog;
  readonly tracing: Tracing;
}

/** Keeps the window of ready frames full. */
export interface Releaser {
  /** Asks for a look at a model's window, soon and once however often it is asked; never throws. */
  poke(model: string): void;
  /** Hands frames to BullMQ whose way there was cut, and fills the window. @throws {FarmError} queue_unavailable */
  recover(model: string): Promise<void>;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

/**
 * Makes the releaser of one process. Every process releases: whoever submits, so that an idle farm starts at once, and
 * whoever claims, so that the next frame lies ready. A frame that is on its way to BullMQ when its process dies is found
 * by recover().
 */
export function createReleaser(context: ReleaseContext): Releaser {
  const running = new Map<string, Promise<void>>();
  const asked = new Set<string>();
  const run = async (model: string): Promise<void> => {
    while (asked.delete(model)) {
      try {
        await fill(context, model);
      } catch (error) {
        // The next poke, or the keeper within a second, goes on.
        if (!(error instanceof FarmError && error.code === "queue_unavailable"))
          context.log.warn({ model, err: error }, "frames not released");
      }
    }
    running.delete(model);
  };
  return {
    poke(model) {
      asked.add(model);
      // It goes on for whoever asks next, so it stands in nobody's trace.
      const { tracing } = context;
      if (!running.has(model))
        running.set(
          model,
          tracing.with(tracing.root(), () => run(model)),
        );
    },
    async recover(model) {
      await context.queues.add(model, await strays(context.redis, model));
      await fill(context, model);
    },
    async settled() {
      await Promise.all(running.values());
    },
  };
}

/** Releases until the window is full or nothing waits. */
async function fill(context: ReleaseContext, model: string): Promise<void> {
  for (;;) {
    const { outcome, frames } = await runRelease(context.redis, RELEASE, { model, argument: RELEASE_MAX });
    if (frames.length > 0) await context.queues.add(model, frames);
    if (outcome !== "more" && frames.length < RELEASE_MAX) return;
  }
}

async function strays(redis: Redis, model: string): Promise<readonly ReleasedFrame[]> {
  return (await runRelease(redis, STRAYS, { model, argument: frameEntryPrefix(model) })).frames;
}

async function runRelease(
  redis: Redis,
  script: Script,
  call: { readonly model: string; readonly argument: string | number },
): Promise<{ readonly outcome: string; readonly frames: readonly ReleasedFrame[] }> {
  const model = queueModel(call.model);
  const [outcome, ...rest] = await runScript(redis, script, {
    keys: [fairKey(model)],
    args: [model, call.argument],
  });
  const frames: ReleasedFrame[] = [];
  for (let at = 0; at + 2 < rest.length; at += 3) {
    const [jobId = "", index, tag] = rest.slice(at, at + 3);
    if (isJobId(jobId)) frames.push({ jobId, index: Number(index), tag: Number(tag) });
  }
  return { outcome, frames };
}
