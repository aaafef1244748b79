import { FarmError } from "@latentfarm/contract";
import type { SafetensorsHeader } from "@latentfarm/safetensors";
import { findMmditPrefix } from "../mmdit/config.js";
import { findVaePrefix } from "../vae/config.js";
import type { WeightSource } from "../weights/weight-source.js";
import { identifyFile } from "./identify-file.js";
import { MANIFEST_NAME, type Manifest } from "./manifest.js";
import type { FileRole } from "./model-folder.js";
import type { WeightFile, WeightFolder } from "./survey-files.js";

/** Where each part starts in an all-in-one checkpoint. Source: ComfyUI, `comfy/supported_models.py`, SD3. */
export const ALL_IN_ONE_PREFIXES = {
  diffusion_model: "model.diffusion_model.",
  vae: "first_stage_model.",
  clip_l: "text_encoders.clip_l.transformer.",
  clip_g: "text_encoders.clip_g.transformer.",
  t5xxl: "text_encoders.t5xxl.transformer.",
} as const satisfies Record<FileRole, string>;

/** A file chosen for a part of the model. */
export interface ChosenFile {
  readonly role: FileRole;
  readonly file: WeightFile;
  readonly source: WeightSource;
  /** Where the part starts in the file; used for text encoders. */
  readonly prefix: string;
}

/** The choice, with what stands in its way and what the operator should know. */
export interface FileChoice {
  readonly chosen: Readonly<Partial<Record<FileRole, ChosenFile>>>;
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/** Folders in which a part may lie as a file of its own. */
const ROLE_FOLDERS: Readonly<Record<FileRole, readonly WeightFolder[]>> = {
  diffusion_model: ["checkpoints", "diffusion_models", "unet"],
  vae: ["vae"],
  clip_l: ["text_encoders", "clip"],
  clip_g: ["text_encoders", "clip"],
  t5xxl: ["text_encoders", "clip"],
};

/**
 * Chooses a file for each part: the manifest's, else the only one in the part's folder, else the part of that name in
 * an all-in-one checkpoint. A name decides which text encoder a file is (`clip_l`, `clip_g`, `t5`); without such a
 * name, its content does. Several candidates are a problem that the manifest solves.
 */
export function chooseFiles(files: readonly WeightFile[], manifest: Manifest): FileChoice {
  const problems: string[] = [];
  const notes: string[] = [];
  const choose = (role: FileRole, checkpoint?: ChosenFile) => {
    try {
      return chooseFile(role, { files, manifest, checkpoint, notes });
    } catch (error) {
      if (!(error instanceof FarmError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const model = choose("diffusion_model");
  const parts = (["vae", "clip_l", "clip_g", "t5xxl"] as const).map((role) => choose(role, model));
  const chosen: Partial<Record<FileRole, ChosenFile>> = {};
  for (const part of [model, ...parts]) if (part) chosen[part.role] = part;
  if (problems.length === 0) problems.push(...missingParts(chosen, files));
  return { chosen, problems, notes };
}

interface Candidates {
  readonly files: readonly WeightFile[];
  readonly manifest: Manifest;
  readonly checkpoint: ChosenFile | undefined;
  readonly notes: string[];
}

function chooseFile(role: FileRole, from: Candidates): ChosenFile | undefined {
  const { files, manifest, checkpoint, notes } = from;
  const named = manifest.files[role];
  const inside = checkpoint && partOfCheckpoint(role, checkpoint);
  if (named !== undefined) {
    const file = files.find(({ path }) => path === named);
    if (file === undefined) {
      throw refusal(`files.${role} of ${MANIFEST_NAME} is ${JSON.stringify(named)}, which is no file of it`);
    }
    if (checkpoint && file.path === checkpoint.file.path && inside) return inside;
    return asChosen(role, file);
  }
  const candidates = candidatesFor(role, files);
  const [first, ...others] = candidates;
  if (first === undefined) return inside;
  if (others.length > 0) {
    const paths = candidates.map(({ path }) => path).join(", ");
    throw refusal(`files for ${role} are ${paths}: name one of them in ${MANIFEST_NAME} as files.${role}`);
  }
  if (inside)
    notes.push(`${role} is taken from ${first.path}, not from ${inside.file.path}, which has one too`);
  return asChosen(role, first);
}

/** Files that can be opened; when there is none, the broken ones, so that their error is told. */
function candidatesFor(role: FileRole, files: readonly WeightFile[]): readonly WeightFile[] {
  const meant = files.filter((file) => ROLE_FOLDERS[role].includes(file.folder) && serves(role, file));
  const whole = meant.filter(({ content }) => !(content instanceof FarmError));
  return whole.length > 0 ? whole : meant;
}

function refusal(reason: string): FarmError {
  return new FarmError("model_invalid", `Cannot choose the files of the model: ${reason}`);
}

function asChosen(role: FileRole, file: WeightFile): ChosenFile {
  if (file.content instanceof FarmError) throw file.content;
  return { role, file, source: file.content, prefix: "" };
}

function partOfCheckpoint(role: FileRole, checkpoint: ChosenFile): ChosenFile | undefined {
  const { header } = checkpoint.source;
  if (role === "diffusion_model") return checkpoint;
  if (role === "vae") {
    return findVaePrefix(header, "decoder") === undefined ? undefined : { ...checkpoint, role };
  }
  const prefix = ALL_IN_ONE_PREFIXES[role];
  const holds = [...header.tensors.keys()].some((key) => key.startsWith(prefix));
  return holds ? { ...checkpoint, role, prefix } : undefined;
}

/** Whether a file of the part's folder is meant for the part. */
function serves(role: FileRole, { name, content }: WeightFile): boolean {
  if (role === "vae") return true;
  if (role === "diffusion_model") {
    return content instanceof FarmError || findMmditPrefix(content.header) !== undefined;
  }
  return (
    (encoderByName(name) ?? (content instanceof FarmError ? undefined : encoderByContent(content.header))) ===
    role
  );
}

type EncoderRole = "clip_l" | "clip_g" | "t5xxl";

function encoderByName(name: string): EncoderRole | undefined {
  if (/t5/i.test(name)) return "t5xxl";
  if (/clip[-_.]?l(?![a-z])/i.test(name)) return "clip_l";
  return /clip[-_.]?g(?![a-z])/i.test(name) ? "clip_g" : undefined;
}

/** CLIP-G has 32 layers and CLIP-L 12. Source: ComfyUI, `comfy/sd.py`, `detect_te_model`. */
function encoderByContent(header: SafetensorsHeader): EncoderRole | undefined {
  if (header.tensors.has("encoder.block.0.layer.0.SelfAttention.q.weight")) return "t5xxl";
  if (header.tensors.has("text_model.encoder.layers.30.layer_norm1.weight")) return "clip_g";
  return header.tensors.has("text_model.encoder.layers.0.layer_norm1.weight") ? "clip_l" : undefined;
}

function missingParts(
  chosen: Readonly<Partial<Record<FileRole, ChosenFile>>>,
  files: readonly WeightFile[],
): string[] {
  const problems: string[] = [];
  if (!chosen.diffusion_model)
    problems.push(`SD3 diffusion model is missing, ${foundIn("diffusion_model", files)}`);
  else if (!chosen.vae)
    problems.push("VAE is missing: the checkpoint has none (first_stage_model.*), nor has vae/");
  if (!chosen.clip_l && !chosen.clip_g && !chosen.t5xxl) {
    problems.push(`text encoder is missing, ${foundIn("clip_l", files)}`);
  }
  return problems;
}

function foundIn(role: FileRole, files: readonly WeightFile[]): string {
  const folders = ROLE_FOLDERS[role];
  const found = files.filter(({ folder }) => folders.includes(folder));
  const seen = found.map(
    ({ path, content }) =>
      `${path} is ${content instanceof FarmError ? "unreadable" : identifyFile(content.header)}`,
  );
  return `expected in ${folders.map((folder) => `${folder}/`).join(" or ")}, found ${seen.join(", ") || "no file"}`;
}
