import { availableParallelism } from "node:os";
import { sessionOptions } from "@latentfarm/engine";
import { serializeModel } from "@latentfarm/onnx";
import type { ComponentGraph } from "@latentfarm/sd35";
import { withGemm, withPlainAttention } from "./graph-variants.js";

/** What onnxruntime takes. */
type OnnxOptions = ReturnType<typeof sessionOptions>;

/** One way to run the denoiser. */
export interface Variant {
  readonly name: string;
  readonly model: Uint8Array;
  readonly options: OnnxOptions;
}

/** The engine's own way with the demo model first, then others that differ from it in one thing each. */
export function listVariants(component: ComponentGraph, heads: number): readonly Variant[] {
  const threads = availableParallelism();
  const { graph, model, weightsFolder } = component;
  const own = sessionOptions(weightsFolder, { threads, foldWeights: true });
  const variant = (name: string, options: OnnxOptions, other = model): Variant => ({
    name,
    model: other,
    options,
  });
  const inSession = (settings: object) => withExtra(own, "session", settings);
  const inOptimization = (settings: object) => withExtra(own, "optimization", settings);
  return [
    variant("as the engine: folded, prepacked", own),
    variant("weights mapped, decoded at each run", sessionOptions(weightsFolder, { threads })),
    variant("folded, not prepacked", inSession({ disable_prepacking: "1" })),
    variant("graph optimizations: none but folding", { ...own, graphOptimizationLevel: "basic" }),
    variant("graph optimizations: extended", { ...own, graphOptimizationLevel: "extended" }),
    variant("one thread", { ...own, intraOpNumThreads: 1 }),
    variant("threads spin", inSession({ intra_op: { allow_spinning: "1" } })),
    variant("threads pinned to cores", inSession(pinned(threads))),
    variant("no arena", { ...own, enableCpuMemArena: false, enableMemPattern: false }),
    variant("no memory pattern", { ...own, enableMemPattern: false }),
    variant("denormals are zero", inSession({ set_denormal_as_zero: "1" })),
    variant("GELU by its fast approximation", inOptimization({ enable_gelu_approximation: "1" })),
    variant("operators in parallel", { ...own, executionMode: "parallel", interOpNumThreads: 2 }),
    variant("linear layers as Gemm with bias", own, serializeModel(withGemm(graph))),
    variant("attention taken apart", own, serializeModel(withPlainAttention(graph, heads))),
  ];
}

/** onnxruntime pins the threads that it starts itself, one less than it uses. Source: `onnxruntime_session_options_config_keys.h`. */
function pinned(threads: number): object {
  if (threads < 2) return {};
  const cores = Array.from({ length: threads - 1 }, (_, index) => index + 2); // counted from 1; the caller has the first
  return { intra_op_thread_affinities: cores.join(";") };
}

function withExtra(options: OnnxOptions, group: string, settings: object): OnnxOptions {
  const { extra = {} } = options;
  const { [group]: known } = extra;
  const merged = { ...(typeof known === "object" ? known : {}), ...settings };
  return { ...options, extra: { ...extra, [group]: merged } };
}
