import { createHash } from "node:crypto";
import { FarmError, invariant } from "@latentfarm/contract";
import { buildGraphs, type ComponentGraph, type ModelFolder, type RunTextEncoder } from "@latentfarm/sd35";
import type { Runtime } from "../runtime.js";
import type { Session } from "../session.js";

/** The sessions of one model. */
export interface ResidentComponents {
  readonly mmdit: Session;
  readonly vaeDecoder: Session;
  /** Opened when the first frame starts from an image, and kept: 70 MB of weights stay mapped. */
  vaeEncoder(): Promise<Session>;
  readonly runTextEncoder: RunTextEncoder;
  /** Hexadecimal SHA-256 of the graphs that lead to a latent: with another graph its numbers may be others. */
  readonly graphHash: string;
  /** Frees all sessions. */
  release(): Promise<void>;
}

/**
 * Opens one session for each component that drawing from text needs; the VAE's encoder waits for the first frame that
 * starts from an image. Only the denoiser, which runs at each step, keeps its memory between runs.
 * @throws {FarmError} model_invalid when onnxruntime refuses a graph
 * @throws {FarmError} config_invalid when the components do not fit together
 */
export async function openComponents(folder: ModelFolder, runtime: Runtime): Promise<ResidentComponents> {
  const graphs = buildGraphs(folder, runtime.target);
  const opened: Session[] = [];
  const release = async () => {
    for (const session of opened.splice(0)) await session.release();
  };
  const hash = createHash("sha256");
  const open = async (build: () => ComponentGraph, keepArena: boolean) => {
    const graph = build();
    if (!graph.component.startsWith("vae")) hash.update(graph.model);
    const session = await runtime.open(graph, { keepArena });
    opened.push(session);
    return session;
  };
  try {
    runtime.checkFit(Object.values(graphs).map((build) => build()));
    const mmdit = await open(graphs.mmdit, true);
    const vaeDecoder = await open(graphs.vae_decoder, false);
    const encoders = new Map<string, Session>();
    for (const component of ["clip_l", "clip_g", "t5xxl"] as const) {
      const build = graphs[component];
      if (build !== undefined) encoders.set(component, await open(build, false));
    }
    const vaeEncoder = once(() => {
      const build = graphs.vae_encoder;
      invariant(build !== undefined, "a model that takes images has a VAE encoder");
      return open(build, false);
    });
    const graphHash = hash.digest("hex");
    return { mmdit, vaeDecoder, vaeEncoder, runTextEncoder: textRunner(encoders), graphHash, release };
  } catch (error) {
    await release();
    throw error instanceof FarmError
      ? error
      : new FarmError("internal", "Cannot open the model", { cause: error });
  }
}

/** Calls `start` once and gives its promise to every caller; one that failed is tried again. */
function once<Value>(start: () => Promise<Value>): () => Promise<Value> {
  let started: Promise<Value> | undefined;
  return () => {
    started ??= start().catch((error: unknown) => {
      started = undefined;
      throw error;
    });
    return started;
  };
}

function textRunner(encoders: ReadonlyMap<string, Session>): RunTextEncoder {
  return async (component, inputs) => {
    const session = encoders.get(component);
    invariant(session !== undefined, `a model that asks for ${component} has it`);
    return session.run(inputs);
  };
}
