import type { GraphTarget } from "@latentfarm/sd35";
import type { TensorMap } from "./sources.js";

/** One entry of index.json. */
export interface CaseEntry {
  readonly tolerance_max_abs?: number;
  readonly hidden_act?: string;
  /** The weights file, when it is not the case's own; relative to the folder. */
  readonly weights?: string;
  readonly cfg?: number;
  readonly shift?: number;
  readonly scheduler?: string;
}

/** What the check of one case needs. */
export interface GraphCase {
  readonly name: string;
  readonly entry: CaseEntry;
  readonly io: TensorMap;
  /** Path of the weights file. */
  readonly weights: string;
  readonly tolerance: number;
  /** Which of the graphs is checked. CUDA's runs on the CPU, its fused products taken apart. */
  readonly target: GraphTarget;
}
