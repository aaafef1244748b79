import {
  FARM_VERSION,
  type FrameParams,
  PICTURE_RECORD_VERSION,
  type PictureRecord,
  type Provenance,
  type Software,
} from "@latentfarm/contract";
import type { EngineHost, RenderedFrame } from "@latentfarm/engine";

type EngineFacts = EngineHost["info"];

/** What a picture carries about itself: what it was drawn from, by which weights, plan and versions. */
export function describePicture(engine: EngineFacts, params: FrameParams): PictureRecord {
  const { name, architecture, hash, files } = engine.model;
  return {
    version: PICTURE_RECORD_VERSION,
    params,
    model: { name, architecture, ...(hash !== undefined && { hash }), ...(files && { files }) },
    plan: engine.plan,
    software: softwareOf(engine),
  };
}

/** How the frame came about, which two drawings of it may differ in. */
export function describeProvenance(engine: EngineFacts, picture: RenderedFrame): Provenance {
  const { hash } = engine.model;
  return {
    software: softwareOf(engine),
    ...(hash !== undefined && { model_hash: hash }),
    batch_rows_max: picture.batch_rows_max,
  };
}

function softwareOf(engine: EngineFacts): Software {
  return { latentfarm: FARM_VERSION, onnxruntime: engine.onnxruntime };
}
