import { type Farm, HEARTBEAT_MS } from "@latentfarm/queue";
import { workerInfo } from "../../queue/farm-fixture.js";

/** Keeps a model served by a worker that only says so, so that jobs for it are accepted. */
export async function announceWorker(farm: Farm, id: string, model: string): Promise<Disposable> {
  await farm.announceWorker(workerInfo(id, model));
  const timer = setInterval(() => {
    // A lost heartbeat shows as refused jobs, which are counted.
    farm.announceWorker(workerInfo(id, model)).catch(() => undefined);
  }, HEARTBEAT_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
