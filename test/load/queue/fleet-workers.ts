import { connectQueue, type Farm, type FrameConsumer } from "@latentfarm/queue";
import { resultOf } from "../../queue/farm-fixture.js";
import { announcedName, announceWorkers } from "./announced-workers.js";
import { type StandInFrame, standIn } from "./stand-in-engine.js";

/** Milliseconds of a stop: what is in flight is given up. */
const DRAIN_MS_MAX = 100;

const MICROSECONDS_PER_MS = 1_000;

/** Workers that connect at once. */
const STARTS_TOGETHER = 25;

/** What one process of the fleet runs. */
export interface FleetShare {
  readonly redisUrl: string;
  readonly model: string;
  /** The first worker's number; the processes of a fleet share the numbers out. */
  readonly firstWorker: number;
  readonly workers: number;
  readonly concurrency: number;
  readonly frame: StandInFrame;
}

/** How a process of the fleet stands. */
export interface FleetState {
  /** Frames that its workers have ended since the start. */
  readonly done: number;
  readonly processorMs: number;
}

/** What a process of the fleet can be asked. */
export type FleetCalls = ReturnType<typeof createFleetRole>;

/** The role `fleet`: many workers in one process, whose engines take time and draw nothing. */
export function createFleetRole() {
  let done = 0;
  let running: { farm: Farm; consumers: readonly FrameConsumer[]; heartbeats: Disposable } | undefined;
  return {
    async start(share: FleetShare): Promise<void> {
      const farm = await connectQueue({ redisUrl: share.redisUrl });
      const consumers: FrameConsumer[] = [];
      for (let started = 0; started < share.workers; started += STARTS_TOGETHER) {
        const count = Math.min(STARTS_TOGETHER, share.workers - started);
        const batch = Array.from({ length: count }, (_, index) =>
          consume(farm, share, { worker: started + index, onDone: () => done++ }),
        );
        await Promise.all(batch.map((consumer) => consumer.ready()));
        consumers.push(...batch);
      }
      running = { farm, consumers, heartbeats: await announceWorkers(farm, share) };
    },
    async state(_: undefined): Promise<FleetState> {
      const { user, system } = process.cpuUsage();
      return { done, processorMs: (user + system) / MICROSECONDS_PER_MS };
    },
    async stop(_: undefined): Promise<void> {
      running?.heartbeats[Symbol.dispose]();
      await Promise.all(running?.consumers.map((consumer) => consumer.drain(DRAIN_MS_MAX)) ?? []);
      await running?.farm[Symbol.asyncDispose]();
    },
  };
}

function consume(
  farm: Farm,
  { model, concurrency, frame: kind, firstWorker }: FleetShare,
  own: { readonly worker: number; readonly onDone: () => void },
): FrameConsumer {
  return farm.consume({
    model,
    workerId: announcedName(firstWorker + own.worker),
    concurrency,
    async process(frame) {
      await standIn(frame, kind);
      own.onDone();
      return resultOf(frame);
    },
  });
}
