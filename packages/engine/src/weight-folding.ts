import { ELEMENT_BYTES, type Graph } from "@latentfarm/onnx";
import { machineMemoryBytes } from "./batch-caps/private-memory.js";

/**
 * Bytes of decoded weights that a component may keep as a private copy. The demo denoiser's are 28 MB and open in the
 * same time (median 76 ms against 67 ms); a step of one row then takes a quarter. The denoisers of SD3 and SD3.5 are
 * 8 to 32 GB decoded: they stay mapped, so that Large keeps within 2 GB of private memory.
 */
export const FOLDED_BYTES_MAX = 512e6;

/** The share of the machine's memory that they may fill as well: a small machine runs two workers beside other work. */
const FOLDED_SHARE_MAX = 1 / 16;

/** Whether a component's decoded weights are small enough to be kept. */
export function canFoldWeights(graph: Graph, memoryBytes: number = machineMemoryBytes()): boolean {
  return decodedBytes(graph) <= Math.min(FOLDED_BYTES_MAX, memoryBytes * FOLDED_SHARE_MAX);
}

/** Bytes of the weights that lie in files, each decoded to float32. */
function decodedBytes({ initializers }: Graph): number {
  return initializers.reduce((sum, { data, dtype }) => {
    if (data.kind === "inline") return sum;
    return sum + (data.byteLength / ELEMENT_BYTES[dtype]) * ELEMENT_BYTES.float32;
  }, 0);
}
