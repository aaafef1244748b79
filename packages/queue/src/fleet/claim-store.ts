import { FarmError } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import type { StoreIdentity } from "../farm.js";
import { STORE_KEY } from "../keys.js";
import { runScript } from "../redis/run-script.js";
import { CLAIM_STORE } from "../scripts/fleet.js";

/**
 * Binds this Redis to an object store, or asserts that it is bound to this one.
 * @throws {FarmError} config_invalid it is bound to another; queue_unavailable
 */
export async function claimStore(redis: Redis, { id, place }: StoreIdentity): Promise<void> {
  const [outcome, other] = await runScript(redis, CLAIM_STORE, { keys: [STORE_KEY], args: [id, place] });
  if (outcome === "ok") return;
  throw new FarmError(
    "config_invalid",
    `Cannot join the farm on this Redis as its pictures are elsewhere: the farm's store is ${other}, ` +
      `this process's is ${place}. Give it the same FARM_DATA, or another Redis (such as another database number ` +
      "in FARM_REDIS_URL)",
  );
}
