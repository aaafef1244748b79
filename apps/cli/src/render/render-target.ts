import { basename, resolve } from "node:path";
import { FarmError } from "@latentfarm/contract";
import type { CommandContext } from "../context.js";
import { resolveModelDir } from "../farm/model-dir.js";
import { startPassingFarm } from "../farm/passing-farm.js";
import { findRunningFarm } from "../farm/running-farm.js";
import { createGatewayClient, type GatewayClient } from "./gateway-client.js";

/** The gateway that a call goes to, and what ends with the call. */
export interface RenderTarget {
  readonly client: GatewayClient;
  /** The model to name in the job; absent: the gateway's default. */
  readonly model: string | undefined;
  /** True for a farm that goes on, with its jobs, when the call has ended. */
  readonly lasting: boolean;
  /** Stops the farm that was started for this call, if one was. */
  drain(): Promise<void>;
  kill(): void;
}

/** What decides where a call goes. */
export interface TargetWishes {
  readonly url: string | undefined;
  readonly dataDir: string;
  readonly model: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Finds the gateway: the one that is named, else the farm that runs on the data folder and serves the model, else a
 * farm started for this call.
 * @throws {FarmError} queue_unavailable, model_unavailable, or as `startFarm()`
 */
export async function openTarget(context: CommandContext, wishes: TargetWishes): Promise<RenderTarget> {
  const { FARM_URL, FARM_API_KEY } = context.environment.farm;
  const clientOf = (url: string) => createGatewayClient({ url, signal: wishes.signal, apiKey: FARM_API_KEY });
  const named = wishes.url ?? FARM_URL;
  if (named !== undefined) {
    const client = clientOf(named);
    const served = await servedModel(client, wishes.model);
    if (served.found) return lasting(client, served.name);
    const names = served.names.join(", ") || "none";
    throw new FarmError("model_unavailable", `Cannot render with model ${wishes.model}: served are ${names}`);
  }
  const running = findRunningFarm(wishes.dataDir);
  if (running !== undefined) {
    const client = clientOf(running);
    if (await client.healthy()) {
      const served = await servedModel(client, wishes.model);
      if (served.found) return lasting(client, served.name);
    }
  }
  return await startTarget(context, wishes);
}

async function startTarget(context: CommandContext, wishes: TargetWishes): Promise<RenderTarget> {
  const modelDir = resolveModelDir(context.cwd, wishes.model ?? context.environment.farm.FARM_MODEL);
  context.terminal.err("starting a farm for this call (./farm up keeps one running)");
  const farm = await startPassingFarm({
    environment: context.environment,
    dataDir: wishes.dataDir,
    host: "127.0.0.1",
    port: 0,
    workers: 1,
    modelDir,
    signal: wishes.signal,
    log: context.terminal.err,
  });
  const apiKey = context.environment.farm.FARM_API_KEY;
  const client = createGatewayClient({ url: farm.url, signal: wishes.signal, apiKey });
  return { client, model: farm.model, lasting: false, drain: farm.drain, kill: farm.kill };
}

function lasting(client: GatewayClient, model: string | undefined): RenderTarget {
  return { client, model, lasting: true, drain: async () => undefined, kill: () => undefined };
}

/** A model is named by its name or by its folder, whose name it has unless a manifest says otherwise. */
async function servedModel(
  client: GatewayClient,
  wanted: string | undefined,
): Promise<{ found: boolean; name: string | undefined; names: readonly string[] }> {
  if (wanted === undefined) return { found: true, name: undefined, names: [] };
  const names = await client.models();
  const name = [wanted, basename(resolve(wanted))].find((candidate) => names.includes(candidate));
  return { found: name !== undefined, name, names };
}
