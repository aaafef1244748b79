import { FarmError, type Frame, type Job, type OutputFormat } from "@latentfarm/contract";
import type { PictureFacts } from "@latentfarm/image";
import { usageError } from "../failure.js";
import { plainText } from "../pictures/plain-text.js";
import { readPicture } from "../pictures/read-picture.js";
import type { RenderTarget } from "./render-target.js";

/** A picture that another one is to be like. */
export interface LikePicture {
  readonly file: string;
  readonly facts: PictureFacts;
  readonly prompt: string | undefined;
  /** The format of a picture of ours; the file's own for others, whose text says none. */
  readonly format: OutputFormat;
}

/**
 * Reads the picture that a call wants again.
 * @throws {FarmError} as `readPicture()`; invalid_request it says nothing of how it was drawn
 */
export async function readLike(cwd: string, file: string): Promise<LikePicture> {
  const facts = await readPicture(cwd, file);
  if (facts.source === "none") {
    throw usageError(`Cannot render like ${file}: the picture says nothing of how it was drawn`);
  }
  return { file, facts, prompt: facts.fields.prompt, format: facts.fields.output_format ?? facts.format };
}

/**
 * The submit body of a call whose picture is to be like another: the other's, with what the call itself says over it.
 * @throws {FarmError} invalid_request the other started from an image, and the call names none
 */
export function likeBody(
  { file, facts }: LikePicture,
  own: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { model: _model, strength, skip_layer_guidance: skip, ...fields } = facts.fields;
  const image = facts.record?.params.init_image;
  if (image !== undefined && own.image === undefined) {
    throw usageError(
      `Cannot render like ${file}: it started from an image (as PNG of SHA-256 ${image.sha256}), which it does not hold; name it with --image`,
    );
  }
  const ownSkip = own.skip_layer_guidance;
  return {
    ...fields,
    ...(own.image !== undefined && strength !== undefined && { strength }),
    ...own,
    ...((skip !== undefined || ownSkip !== undefined) && {
      skip_layer_guidance: { ...skip, ...(typeof ownSkip === "object" && ownSkip) },
    }),
  };
}

/**
 * The model to ask for: that of the picture where it is served. Of another program's picture the name is only a hint.
 * @throws {FarmError} model_unavailable the picture is ours and its model is not served
 */
export async function likeModel(
  { file, facts }: LikePicture,
  { client, model }: Pick<RenderTarget, "client" | "model">,
): Promise<string | undefined> {
  const wanted = facts.fields.model;
  if (wanted === undefined) return model;
  const served = await client.models();
  if (served.includes(wanted)) return wanted;
  if (facts.source !== "latentfarm") return model;
  const names = served.join(", ") || "none";
  throw new FarmError(
    "model_unavailable",
    `Cannot render like ${file}: its model is ${plainText(wanted)}, served are ${names}; --model takes another`,
  );
}

/** What a caller should know before the picture is drawn: what of the other one is not taken over. */
export function likeWarnings({ file, facts }: LikePicture, model: string | undefined): string[] {
  const warnings = facts.missed.map((what) => `not taken over from ${file}: ${plainText(what)}`);
  const named = facts.fields.model;
  if (facts.source !== "latentfarm" && named !== undefined && named !== model) {
    warnings.push(`not taken over from ${file}: model ${plainText(named)}, which is not served`);
  }
  return warnings;
}

/** What of a job tells how its pictures were drawn. */
export interface DrawnJob {
  readonly params: Job["params"];
  readonly frames: readonly Pick<Frame, "plan" | "provenance">[];
}

/** Why the new picture may differ from the other, as far as the farm's own answer tells; nothing when it is the same. */
export function likeDifferences({ facts }: LikePicture, { params, frames }: DrawnJob): string[] {
  const { record } = facts;
  if (record === undefined) return [];
  const differences = new Set<string>();
  const compare = (what: string, then: string | undefined, now: string | null | undefined) => {
    if (then !== undefined && now !== undefined && now !== null && then !== now) {
      differences.add(`${what} was ${then} and is ${now}: the picture may differ`);
    }
  };
  compare("the image to start from", record.params.init_image?.sha256, params.init_image?.sha256);
  for (const { plan, provenance } of frames) {
    compare("the precision plan", record.plan, plan);
    compare("the hash of the weights", record.model.hash, provenance?.model_hash);
    compare("Latentfarm", record.software.latentfarm, provenance?.software.latentfarm);
    compare("onnxruntime", record.software.onnxruntime, provenance?.software.onnxruntime);
  }
  return [...differences];
}
