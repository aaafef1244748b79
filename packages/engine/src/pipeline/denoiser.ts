import { invariant } from "@latentfarm/contract";
import { LATENT_CHANNELS, TIMESTEP_SCALE } from "@latentfarm/sampling";
import type { BatchRow, Denoise, RowBatch } from "../loop/row-batch.js";
import type { InputTensor, Session } from "../session.js";

/** Runs row batches through the MMDiT's session; `skippable` is how many blocks its graph can leave out, if it can. */
export function createDenoiser(session: Session, skippable?: number): Denoise {
  return async (batch) => {
    const outputs = await session.run(packRows(batch, skippable));
    const velocity = outputs.velocity;
    invariant(velocity !== undefined, "the denoiser gives a velocity");
    const length = LATENT_CHANNELS * batch.height * batch.width;
    return batch.rows.map((_, row) => velocity.data.subarray(row * length, (row + 1) * length));
  };
}

/**
 * The inputs of one call: `latent [batch, 16, h, w]`, `timestep [batch]`, `context [batch, n, c]`, `pooled [batch, p]`,
 * and `keep [batch, blocks]` for a graph that can leave blocks out.
 */
export function packRows(
  { height, width, tokens, rows }: RowBatch,
  skippable?: number,
): Record<string, InputTensor> {
  const [first] = rows;
  invariant(first !== undefined, "a batch has rows");
  const { conditioning } = first;
  const batch = rows.length;
  return {
    latent: concat(rows, [batch, LATENT_CHANNELS, height, width], ({ latent }) => latent),
    timestep: concat(rows, [batch], ({ sigma }) => Float32Array.of(Math.fround(sigma * TIMESTEP_SCALE))),
    context: concat(rows, [batch, tokens, conditioning.width], (row) => row.conditioning.context),
    pooled: concat(rows, [batch, conditioning.pooled.length], (row) => row.conditioning.pooled),
    ...(skippable !== undefined && {
      keep: concat(rows, [batch, skippable], (row) => keptBlocks(row, skippable)),
    }),
  };
}

/** 1 for a block that runs, 0 for one that is left out. */
function keptBlocks({ skippedBlocks }: BatchRow, blocks: number): Float32Array {
  const kept = new Float32Array(blocks).fill(1);
  for (const block of skippedBlocks) kept[block] = 0;
  return kept;
}

function concat(
  rows: readonly BatchRow[],
  dims: readonly number[],
  part: (row: BatchRow) => Float32Array,
): InputTensor {
  const data = new Float32Array(dims.reduce((product, dim) => product * dim, 1));
  const length = data.length / rows.length;
  for (const [index, row] of rows.entries()) {
    const values = part(row);
    invariant(values.length === length, `each row of a batch has ${length} values, one has ${values.length}`);
    data.set(values, index * length);
  }
  return { dtype: "float32", dims, data };
}
