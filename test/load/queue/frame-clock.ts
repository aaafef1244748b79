import type { JobId } from "@latentfarm/contract";
import { connectQueue, type Farm, type FrameConsumer } from "@latentfarm/queue";
import { resultOf } from "../../queue/farm-fixture.js";
import { sharedNowMs } from "../measure/monotonic-clock.js";

/** Milliseconds that a drain of instant frames may take. */
const DRAIN_MS_MAX = 5_000;

/** A frame's time with the worker, on the clock that processes share. */
interface Visit {
  readonly startMs: number;
  readonly endMs: number;
}

/** What the process that takes frames can be asked. */
export type FrameClockCalls = ReturnType<typeof createFrameClockRole>;

/** The role `frame-clock`: a worker whose pictures take no time and which notes when it was called. */
export function createFrameClockRole() {
  const startedMs = new Map<JobId, number>();
  const asked = new Map<JobId, (startMs: number) => void>();
  const visits: Visit[] = [];
  let onVisit = (): void => undefined;
  let running: { farm: Farm; consumer: FrameConsumer } | undefined;
  return {
    async start(task: { readonly redisUrl: string; readonly model: string }): Promise<void> {
      const farm = await connectQueue({ redisUrl: task.redisUrl });
      const consumer = farm.consume({
        model: task.model,
        workerId: "frame-clock",
        concurrency: 1,
        async process(frame) {
          const startMs = sharedNowMs();
          startedMs.set(frame.jobId, startMs);
          asked.get(frame.jobId)?.(startMs);
          await frame.started();
          visits.push({ startMs, endMs: sharedNowMs() });
          onVisit();
          return resultOf(frame);
        },
      });
      await consumer.ready();
      running = { farm, consumer };
    },
    /** When the job's frame was called, once it was. */
    async startOf(id: JobId): Promise<number> {
      const startMs = startedMs.get(id) ?? (await new Promise<number>((resolve) => asked.set(id, resolve)));
      asked.delete(id);
      startedMs.delete(id);
      return startMs;
    },
    /** Resolves after this many further frames: milliseconds from each one's end to the next one's start. */
    async gaps(count: number): Promise<number[]> {
      visits.length = 0;
      await new Promise<void>((resolve) => {
        onVisit = () => {
          if (visits.length > count) resolve();
        };
      });
      return visits.slice(1, count + 1).map(({ startMs }, index) => startMs - (visits[index]?.endMs ?? 0));
    },
    async stop(_: undefined): Promise<void> {
      await running?.consumer.drain(DRAIN_MS_MAX);
      await running?.farm[Symbol.asyncDispose]();
    },
  };
}
