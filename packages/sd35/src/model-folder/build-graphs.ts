import type { ComponentGraph } from "../component-graph.js";
import { withSkippableBlocks } from "../mmdit/config.js";
import { buildMmdit } from "../mmdit/mmdit.js";
import { buildClipGraph } from "../text/clip-graph.js";
import { buildT5Graph } from "../text/t5-graph.js";
import { buildVaeDecoder } from "../vae/decoder.js";
import { buildVaeEncoder } from "../vae/encoder.js";
import type { GraphTarget } from "../weights/graph-target.js";
import type { Components } from "./components.js";
import type { ModelFolder } from "./model-folder.js";

/** Emits one part's graph. Each call emits it anew: a graph is some megabytes and is needed once. */
export type BuildGraph = () => ComponentGraph;

/** A model's graphs; a part that the model has no file for is left out. */
export interface ModelGraphs {
  readonly mmdit: BuildGraph;
  readonly vae_decoder: BuildGraph;
  readonly vae_encoder?: BuildGraph;
  readonly clip_l?: BuildGraph;
  readonly clip_g?: BuildGraph;
  readonly t5xxl?: BuildGraph;
}

/** The graphs of an opened model folder for a target, emitted when asked for. */
export function buildGraphs(folder: ModelFolder, target: GraphTarget = "cpu"): ModelGraphs {
  const { mmdit, vae } = folder;
  return {
    ...optionalGraphs(folder, target),
    mmdit: () => buildMmdit(mmdit.source, withSkippableBlocks(mmdit.config), target),
    vae_decoder: () => buildVaeDecoder(vae, target),
  };
}

/** The graphs of whatever parts there are, so that a folder with faults is checked as far as it goes. */
export function partialGraphs(parts: Components): Partial<ModelGraphs> {
  const { mmdit, vae } = parts;
  return {
    ...optionalGraphs(parts, "cpu"),
    ...(mmdit && { mmdit: () => buildMmdit(mmdit.source, mmdit.config) }),
    ...(vae && { vae_decoder: () => buildVaeDecoder(vae) }),
  };
}

function optionalGraphs(
  parts: Pick<Components, "clipL" | "clipG" | "t5" | "vae" | "vaeEncodes">,
  target: GraphTarget,
): Omit<ModelGraphs, "mmdit" | "vae_decoder"> {
  const { clipL, clipG, t5, vae } = parts;
  return {
    ...(vae && parts.vaeEncodes && { vae_encoder: () => buildVaeEncoder(vae, target) }),
    ...(clipL && { clip_l: () => buildClipGraph(clipL.source, clipL.config, target) }),
    ...(clipG && { clip_g: () => buildClipGraph(clipG.source, clipG.config, target) }),
    ...(t5 && { t5xxl: () => buildT5Graph(t5.source, t5.config, target) }),
  };
}
