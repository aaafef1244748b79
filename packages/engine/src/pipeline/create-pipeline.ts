import { setImmediate as turn } from "node:timers/promises";
import { FarmError, type ModelInfo } from "@latentfarm/contract";
import { SAMPLERS, SCHEDULERS } from "@latentfarm/sampling";
import { createPromptEncoder, openModelFolder } from "@latentfarm/sd35";
import { createFrameLoop } from "../loop/frame-loop.js";
import { createStepBatcher, type Denoise } from "../loop/step-batcher.js";
import { checkParams } from "./check-params.js";
import { createDenoiser } from "./denoiser.js";
import { type Pipeline, type PipelineOptions, PREVIEW_INTERVAL_MS } from "./pipeline.js";
import { openComponents } from "./resident-components.js";
import { createStages } from "./stages.js";

/**
 * Opens a model folder and keeps its components resident in this process. The weights stay mapped: opening takes the
 * time of building the graphs, and the memory of the activations comes with the first frame.
 * @throws {FarmError} model_invalid, file_invalid or file_unreadable when the model cannot run
 */
export async function createPipeline(modelDir: string, options: PipelineOptions = {}): Promise<Pipeline> {
  const folder = await openModelFolder(modelDir);
  const model: ModelInfo = { ...folder.description, samplers: [...SAMPLERS], schedulers: [...SCHEDULERS] };
  const components = await openComponents(folder, { threads: options.threads ?? 0 });
  const encoder = createPromptEncoder(folder, components.runTextEncoder);
  const denoise = reportBatches(createDenoiser(components.mmdit), options);
  const stages = createStages({
    encoder,
    vaeDecoder: components.vaeDecoder,
    vaeEncoder: components.vaeEncoder,
    batcher: createStepBatcher(denoise),
  });
  const loop = createFrameLoop(stages, {
    now: () => performance.now(),
    turn: () => turn(),
    previewIntervalMs: options.previewIntervalMs ?? PREVIEW_INTERVAL_MS,
  });
  const submit: Pipeline["submit"] = async (params, renderOptions) =>
    loop.submit(checkParams(params, model, renderOptions?.initImage), renderOptions);
  return {
    model,
    submit,
    render: (frames) => Promise.all(frames.map((params) => submit(params))),
    close: async () => {
      await loop.stop(new FarmError("interrupted", "Cannot finish the frame as the pipeline is closed"));
      encoder[Symbol.dispose]();
      await components.release();
    },
  };
}

function reportBatches(denoise: Denoise, { onBatch }: PipelineOptions): Denoise {
  if (onBatch === undefined) return denoise;
  return async (batch) => {
    const startedAt = performance.now();
    const velocities = await denoise(batch);
    onBatch({ rows: batch.rows.length, durationMs: performance.now() - startedAt });
    return velocities;
  };
}
