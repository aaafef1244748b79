import { setTimeout as delay } from "node:timers/promises";
import { type Farm, HEARTBEAT_MS } from "@latentfarm/queue";
import { workerInfo } from "../../queue/farm-fixture.js";

/** Which workers say that they are there. */
export interface AnnouncedWorkers {
  readonly model: string;
  readonly workers: number;
  /** The first one's number. */
  readonly firstWorker?: number;
}

/** Keeps a model served by workers that only say so; their heartbeats are spread over the time between two of one. */
export async function announceWorkers(farm: Farm, announced: AnnouncedWorkers): Promise<Disposable> {
  const { model, workers, firstWorker = 0 } = announced;
  const announce = (worker: number): Promise<void> =>
    farm.announceWorker(workerInfo(announcedName(firstWorker + worker), model));
  await Promise.all(Array.from({ length: workers }, (_, worker) => announce(worker)));
  const stopped = new AbortController();
  const goRound = async (): Promise<void> => {
    for (let worker = 0; !stopped.signal.aborted; worker = (worker + 1) % workers) {
      // A lost heartbeat shows as refused jobs, which are counted.
      announce(worker).catch(() => undefined);
      await delay(HEARTBEAT_MS / workers, undefined, { ref: false });
    }
  };
  void goRound();
  return { [Symbol.dispose]: () => stopped.abort() };
}

/** The id of a worker by its number. */
export function announcedName(worker: number): string {
  return `bench-${worker}`;
}
