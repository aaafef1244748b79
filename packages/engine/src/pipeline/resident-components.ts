import { FarmError, invariant } from "@latentfarm/contract";
import { buildGraphs, type ComponentGraph, type ModelFolder, type RunTextEncoder } from "@latentfarm/sd35";
import { createSession, type Session } from "../session.js";

/** The sessions of one model. */
export interface ResidentComponents {
  readonly mmdit: Session;
  readonly vaeDecoder: Session;
  readonly runTextEncoder: RunTextEncoder;
  /** Frees all sessions. */
  release(): Promise<void>;
}

/**
 * Opens one session for each component that drawing from text needs; the VAE's encoder is left out. Only the denoiser,
 * which runs at each step, keeps its memory between runs.
 * @throws {FarmError} model_invalid when onnxruntime refuses a graph
 */
export async function openComponents(
  folder: ModelFolder,
  { threads }: { readonly threads: number },
): Promise<ResidentComponents> {
  const graphs = buildGraphs(folder);
  const opened: Session[] = [];
  const release = async () => {
    for (const session of opened.splice(0)) await session.release();
  };
  const open = async (build: () => ComponentGraph, keepArena: boolean) => {
    const session = await createSession(build(), { threads, keepArena });
    opened.push(session);
    return session;
  };
  try {
    const mmdit = await open(graphs.mmdit, true);
    const vaeDecoder = await open(graphs.vae_decoder, false);
    const encoders = new Map<string, Session>();
    for (const component of ["clip_l", "clip_g", "t5xxl"] as const) {
      const build = graphs[component];
      if (build !== undefined) encoders.set(component, await open(build, false));
    }
    return { mmdit, vaeDecoder, runTextEncoder: textRunner(encoders), release };
  } catch (error) {
    await release();
    throw error instanceof FarmError
      ? error
      : new FarmError("internal", "Cannot open the model", { cause: error });
  }
}

function textRunner(encoders: ReadonlyMap<string, Session>): RunTextEncoder {
  return async (component, inputs) => {
    const session = encoders.get(component);
    invariant(session !== undefined, `a model that asks for ${component} has it`);
    return session.run(inputs);
  };
}
