import { MODEL_FILE_ROLES, type ModelFileRole, type ModelInfo } from "@latentfarm/contract";
import type { MmditConfig } from "../mmdit/config.js";
import type { ClipConfig } from "../text/clip-config.js";
import type { T5Config } from "../text/t5-config.js";
import type { PromptTokenizers } from "../tokenizers/tokenize-prompt.js";
import type { WeightSource } from "../weights/weight-source.js";

/** A component's file with what was derived from it. */
export interface LoadedComponent<Config> {
  readonly source: WeightSource;
  readonly config: Config;
}

/** A model folder that holds all that a render needs; plain data, no file is open. */
export interface ModelFolder {
  readonly name: string;
  /** The real path, links resolved. */
  readonly dir: string;
  /** What workers announce about the model. */
  readonly description: ModelInfo;
  readonly mmdit: LoadedComponent<MmditConfig>;
  readonly vae: WeightSource;
  /** False for a VAE file without encoder: it draws all the same. */
  readonly vaeEncodes: boolean;
  readonly clipL?: LoadedComponent<ClipConfig>;
  readonly clipG?: LoadedComponent<ClipConfig>;
  readonly t5?: LoadedComponent<T5Config>;
  readonly tokenizers: PromptTokenizers;
  readonly contextWidth: number;
  readonly pooledWidth: number;
  /** What the operator should know, in words; none of it keeps the model from running. */
  readonly notes: readonly string[];
}

/** The parts of a model that lie in files of weights. */
export const FILE_ROLES = MODEL_FILE_ROLES;

/** A part of a model that lies in a file of weights. */
export type FileRole = ModelFileRole;
