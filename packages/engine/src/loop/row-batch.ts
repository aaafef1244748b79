import type { Conditioning } from "@latentfarm/sd35";

/** One row of a denoiser call. */
export interface BatchRow {
  /** ``float32 [16, height, width]`` */
  readonly latent: Float32Array;
  readonly sigma: number;
  readonly conditioning: Conditioning;
  /** Joint blocks that are left out for this row. */
  readonly skippedBlocks: readonly number[];
}

/** Rows that run in one denoiser call: equal latent size and equal text length. */
export interface RowBatch {
  /** Latent cells. */
  readonly height: number;
  /** Latent cells. */
  readonly width: number;
  /** Text tokens of each row's context. */
  readonly tokens: number;
  readonly rows: readonly BatchRow[];
}

/** Gives one velocity ``float32 [16, height, width]`` for each row, in order. */
export type Denoise = (batch: RowBatch) => Promise<readonly Float32Array[]>;
