export { type ComponentGraph, type ComponentName, finishComponent } from "./component-graph.js";
export {
  type Architecture,
  detectMmdit,
  findMmditPrefix,
  HEAD_WIDTH,
  LATENT_CHANNELS,
  type MmditConfig,
  PATCH_SIZE,
  withSkippableBlocks,
} from "./mmdit/config.js";
export { buildMmdit } from "./mmdit/mmdit.js";
export { type BuildGraph, buildGraphs, type ModelGraphs } from "./model-folder/build-graphs.js";
export { identifyFile } from "./model-folder/identify-file.js";
export {
  type InspectedFile,
  inspectModelFolder,
  type ModelInspection,
  openModelFolder,
} from "./model-folder/inspect-model-folder.js";
export {
  FILE_ROLES,
  type FileRole,
  type LoadedComponent,
  type ModelFolder,
} from "./model-folder/model-folder.js";
export { hashModelFolder } from "./model-folder/model-hash.js";
export { type SynthFillOptions, synthFill } from "./synth/synth-fill.js";
export { SYNTH_ARCHITECTURES, synthTensors } from "./synth/synth-tensors.js";
export type { SynthForm } from "./synth/tensor-list.js";
export { type SynthTextEncoder, synthTextTensors } from "./synth/text-tensors.js";
export { type ClipConfig, detectClip } from "./text/clip-config.js";
export { buildClipGraph } from "./text/clip-graph.js";
export {
  assembleConditioning,
  type ClipEncoding,
  type Conditioning,
  type ConditioningParts,
  type ConditioningShape,
  type T5Encoding,
} from "./text/conditioning.js";
export {
  CLIP_CHUNKS_PER_RUN,
  clipTableKey,
  createPromptEncoder,
  type PromptEncoder,
  type PromptModel,
  type RunTextEncoder,
  type TextInput,
  type TextPart,
  type TextParts,
  t5TableKey,
} from "./text/prompt-encoder.js";
export { detectT5, type T5Config } from "./text/t5-config.js";
export { buildT5Graph } from "./text/t5-graph.js";
export { t5PositionBuckets } from "./text/t5-position-buckets.js";
export {
  openTokenEmbedding,
  type TokenEmbedding,
} from "./text/token-embedding.js";
export {
  type ChunkFrame,
  CLIP_LENGTH_MIN,
  chunkTokens,
  type TokenGroup,
  type WeightedTokens,
} from "./tokenizers/chunk-tokens.js";
export { type ClipKind, openClipTokenizer } from "./tokenizers/clip-tokenizer.js";
export {
  parsePromptWeights,
  WEIGHT_DEPTH_MAX,
  WEIGHT_MAX,
  type WeightedText,
} from "./tokenizers/prompt-weights.js";
export { openT5Tokenizer } from "./tokenizers/t5-tokenizer.js";
export type { TextTokenizer } from "./tokenizers/text-tokenizer.js";
export {
  CLIP_LENGTH_DEFAULT,
  PROMPT_TOKENS_MAX,
  type PromptField,
  type PromptTokenizers,
  T5_LENGTH_MIN_DEFAULT,
  type TokenizedPrompt,
  type TokenWeights,
  tokenizePrompt,
} from "./tokenizers/tokenize-prompt.js";
export { detectVae, findVaePrefix, type VaeConfig, type VaeHalf } from "./vae/config.js";
export { buildVaeDecoder } from "./vae/decoder.js";
export { buildVaeEncoder } from "./vae/encoder.js";
export type { ComputeType, GraphTarget } from "./weights/graph-target.js";
export { linear } from "./weights/linear.js";
export { lookUpFloat8 } from "./weights/look-up-float8.js";
export {
  isFloat8,
  type Quantization,
  type QuantizationForm,
  readQuantization,
} from "./weights/quantization.js";
export { unusedTensors } from "./weights/unused-tensors.js";
export { openWeightSource, type WeightSource } from "./weights/weight-source.js";
export { createWeights, type Float8Weight, type Weights, type WeightsOptions } from "./weights/weights.js";
