import { connectQueue } from "./connect-queue.js";
import type { Farm, QueueOptions, StoreIdentity } from "./farm.js";

/**
 * Connects a process that reads or writes pictures: as connectQueue(), and asserts that its store is the farm's.
 * @throws {FarmError} queue_unavailable; config_invalid the Redis may drop jobs, or the farm's pictures are in another
 * store; what the store throws
 */
export async function joinFarm(
  options: QueueOptions,
  store: { identify(): Promise<StoreIdentity> },
): Promise<Farm> {
  const identity = await store.identify();
  const farm = await connectQueue(options);
  try {
    await farm.claimStore(identity);
    return farm;
  } catch (error) {
    await farm[Symbol.asyncDispose]();
    throw error;
  }
}
