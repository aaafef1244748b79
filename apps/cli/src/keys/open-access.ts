import { resolve } from "node:path";
import { FarmError } from "@latentfarm/contract";
import type { Access, Farm } from "@latentfarm/queue";
import type { CommandContext } from "../context.js";
import { findRunningRedis } from "../farm/running-farm.js";

/** The keys of a farm, straight in its Redis, until disposed. */
export interface OpenedAccess extends AsyncDisposable {
  readonly access: Access;
}

/** A farm's queue, until disposed. */
export interface OpenedFarm extends AsyncDisposable {
  readonly farm: Farm;
}

/**
 * Opens the keys of the farm whose Redis `FARM_REDIS_URL` names, else of the one that runs on the data folder. Whoever
 * can reach the Redis owns the farm, so no key is asked for.
 * @throws {FarmError} queue_unavailable there is no farm, or its Redis does not answer
 */
export async function openAccess(context: CommandContext, data: string | undefined): Promise<OpenedAccess> {
  const opened = await openFarm(context, data);
  return { access: opened.farm.access, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
}

/** Opens the queue of a farm, found as openAccess() finds it. @throws {FarmError} queue_unavailable */
export async function openFarm(context: CommandContext, data: string | undefined): Promise<OpenedFarm> {
  const { environment, cwd } = context;
  const dataDir = resolve(cwd, data ?? environment.dataDir);
  const { redisUrlOf } = await import("@latentfarm/queue");
  const redisUrl = redisUrlOf(environment.farm) ?? findRunningRedis(dataDir);
  if (redisUrl !== undefined) return connectFarm(redisUrl);
  throw new FarmError(
    "queue_unavailable",
    `Cannot reach the farm: no farm runs on ${dataDir} (./farm up starts one) and FARM_REDIS_URL is not set`,
  );
}

/** Opens the keys in a Redis. @throws {FarmError} queue_unavailable */
export async function connectAccess(redisUrl: string): Promise<OpenedAccess> {
  const opened = await connectFarm(redisUrl);
  return { access: opened.farm.access, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
}

async function connectFarm(redisUrl: string): Promise<OpenedFarm> {
  // BullMQ is loaded by the commands that need it, not by every call.
  const { connectQueue } = await import("@latentfarm/queue");
  const farm = await connectQueue({ redisUrl });
  return { farm, [Symbol.asyncDispose]: () => farm[Symbol.asyncDispose]() };
}
