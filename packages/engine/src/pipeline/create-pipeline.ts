import { setImmediate as turn } from "node:timers/promises";
import { FarmError, type ModelInfo } from "@latentfarm/contract";
import { SAMPLERS, SCHEDULERS } from "@latentfarm/sampling";
import { createPromptEncoder, hashModelFolder, openModelFolder } from "@latentfarm/sd35";
import { type KeptCaps, openCaps } from "../batch-caps/kept-caps.js";
import { memoryBudgetBytes, readPrivateBytes } from "../batch-caps/private-memory.js";
import { createFrameLoop } from "../loop/frame-loop.js";
import { fixedCaps } from "../loop/row-caps.js";
import { BATCH_ROWS_MAX, createStepBatcher } from "../loop/step-batcher.js";
import { createRuntime } from "../runtime.js";
import { SNAPSHOT_MS_MIN, SNAPSHOT_STEPS } from "../snapshot/snapshot-schedule.js";
import { checkParams } from "./check-params.js";
import { createDenoiser } from "./denoiser.js";
import { type Pipeline, type PipelineOptions, PREVIEW_INTERVAL_MS } from "./pipeline.js";
import { openComponents } from "./resident-components.js";
import { createStages } from "./stages.js";

/**
 * Opens a model folder and keeps its components resident in this process. The weights stay mapped: opening takes the
 * time of building the graphs, and the memory of the activations comes with the first frame.
 * @throws {FarmError} model_invalid, file_invalid or file_unreadable when the model cannot run
 * @throws {FarmError} config_invalid when it does not fit the GPU
 */
export async function createPipeline(modelDir: string, options: PipelineOptions = {}): Promise<Pipeline> {
  const folder = await openModelFolder(modelDir);
  const hash = hashModelFolder(folder);
  const model: ModelInfo = {
    ...folder.description,
    hash,
    samplers: [...SAMPLERS],
    schedulers: [...SCHEDULERS],
  };
  const components = await openComponents(
    folder,
    options.runtime ?? createRuntime({ threads: options.threads ?? 0 }),
  );
  const encoder = createPromptEncoder(folder, components.runTextEncoder);
  const kept = options.batchRows === undefined ? await openModelCaps(model, options) : undefined;
  const batcher = createStepBatcher(createDenoiser(components.mmdit, model.skip_layer_guidance?.blocks), {
    caps: kept?.caps ?? fixedCaps(options.batchRows ?? BATCH_ROWS_MAX),
    onBatch: (report) => {
      kept?.afterBatch();
      options.onBatch?.(report);
    },
  });
  const stages = createStages({
    encoder,
    vaeDecoder: components.vaeDecoder,
    vaeEncoder: components.vaeEncoder,
    identity: { modelHash: hash, graphHash: components.graphHash },
    batcher,
  });
  const loop = createFrameLoop(stages, {
    now: () => performance.now(),
    turn: () => turn(),
    previewIntervalMs: options.previewIntervalMs ?? PREVIEW_INTERVAL_MS,
    snapshotPace: {
      steps: options.snapshotSteps ?? SNAPSHOT_STEPS,
      msMin: options.snapshotMsMin ?? SNAPSHOT_MS_MIN,
    },
  });
  const submit: Pipeline["submit"] = async (params, renderOptions) =>
    loop.submit(checkParams(params, model, renderOptions?.initImage), renderOptions);
  return {
    model,
    submit,
    render: (frames) => Promise.all(frames.map((params) => submit(params))),
    close: async () => {
      await loop.stop(new FarmError("interrupted", "Cannot finish the frame as the pipeline is closed"));
      await kept?.close();
      encoder[Symbol.dispose]();
      await components.release();
    },
  };
}

function openModelCaps(model: ModelInfo, { capsPlace }: PipelineOptions): Promise<KeptCaps> {
  const learning = {
    rowsMax: BATCH_ROWS_MAX,
    memoryBytes: readPrivateBytes,
    memoryBytesMax: memoryBudgetBytes(),
  };
  if (capsPlace === undefined) return openCaps(learning);
  const { dir, device, warn } = capsPlace;
  return openCaps(learning, { dir, warn, owner: { device, model: `${model.name} ${model.hash}` } });
}
