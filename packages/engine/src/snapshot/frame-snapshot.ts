import type { SamplerState } from "@latentfarm/sampling";

/**
 * What a snapshot belongs to. All three must be equal for a frame to go on from it: with other weights, another graph
 * or other parameters the rest of the steps would lead to a picture that nobody asked for.
 */
export interface SnapshotIdentity {
  /** Of the weights and tokenizers: {@link ModelInfo.hash}. */
  readonly modelHash: string;
  /** Of the graphs that lead to the latent, and so of the precision plan. */
  readonly graphHash: string;
  /** Of the frame's parameters, as the contract's `frameParamsHash` gives it. */
  readonly paramsHash: string;
}

/** A frame between two steps: all that another engine of the same model needs to go on with it. */
export interface FrameSnapshot {
  readonly identity: SnapshotIdentity;
  /** All steps of the frame; those completed are in `sampler`. */
  readonly steps: number;
  readonly sampler: SamplerState;
}

/** A snapshot on its way to where it is kept. */
export interface SavedFrame {
  /** As `encodeSnapshot` wrote it. */
  readonly bytes: Uint8Array;
  /** Steps completed in it. */
  readonly step: number;
  readonly steps: number;
}

/**
 * Why a frame must not go on from a snapshot, in the words of a log line; nothing when it may.
 */
export function snapshotMismatch(snapshot: FrameSnapshot, wanted: SnapshotIdentity): string | undefined {
  const { modelHash, graphHash, paramsHash } = snapshot.identity;
  if (modelHash !== wanted.modelHash) return "it is of other weights";
  if (graphHash !== wanted.graphHash) return "it is of another graph";
  if (paramsHash !== wanted.paramsHash) return "it is of other parameters";
  return undefined;
}
