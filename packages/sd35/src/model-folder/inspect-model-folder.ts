import { realpathSync, statSync } from "node:fs";
import { basename } from "node:path";
import { FarmError, type ModelFiles, type ModelInfo } from "@latentfarm/contract";
import type { Dtype } from "@latentfarm/safetensors";
import { clipTableKey, t5TableKey } from "../text/prompt-encoder.js";
import type { QuantizationForm } from "../weights/quantization.js";
import type { WeightSource } from "../weights/weight-source.js";
import { partialGraphs } from "./build-graphs.js";
import { checkAgreement } from "./check-agreement.js";
import { chooseFiles, type FileChoice } from "./choose-files.js";
import { type Attempt, type Components, collectProblems, loadComponents } from "./components.js";
import { describeModel } from "./describe-model.js";
import { identifyFile } from "./identify-file.js";
import { readManifest } from "./manifest.js";
import { FILE_ROLES, type FileRole, type ModelFolder } from "./model-folder.js";
import { reportUnused } from "./report-unused.js";
import { surveyFiles, type WeightFile } from "./survey-files.js";

/** A file of weights as `./farm models inspect` shows it. */
export interface InspectedFile {
  /** Relative to the model folder. */
  readonly path: string;
  readonly bytes: number;
  /** What it holds, in words, or why it cannot be read. */
  readonly kind: string;
  /** The parts of the model that are taken from it. */
  readonly roles: readonly FileRole[];
  /** Bytes of weights per dtype. */
  readonly dtypes: Readonly<Partial<Record<Dtype, number>>>;
  readonly quantization?: QuantizationForm;
}

/** What a model folder holds and whether it can run. */
export interface ModelInspection {
  readonly dir: string;
  readonly name: string;
  readonly files: readonly InspectedFile[];
  readonly description?: ModelInfo;
  /** Each of them keeps the model from running. */
  readonly problems: readonly string[];
  /** What the operator should know; the model runs all the same. */
  readonly notes: readonly string[];
  readonly runnable: boolean;
}

/**
 * Looks a model folder over: the files, what they are, every problem that keeps it from running. Content never makes
 * it throw.
 */
export function inspectModelFolder(dir: string): ModelInspection {
  return examine(dir).inspection;
}

/**
 * Opens a model folder, having checked every file, shape and tokenizer.
 * @throws {FarmError} model_invalid, listing every problem in its message and in `details.problems`
 */
export async function openModelFolder(dir: string): Promise<ModelFolder> {
  const { inspection, folder } = examine(dir);
  if (folder !== undefined) return folder;
  const { problems } = inspection;
  const list = problems.map((problem) => `\n  - ${problem}`).join("");
  throw new FarmError(
    "model_invalid",
    `Cannot open ${dir} as a model: number of problems is ${problems.length}:${list}`,
    { details: { dir, problems } },
  );
}

interface Examination {
  readonly inspection: ModelInspection;
  /** Absent when there are problems. */
  readonly folder?: ModelFolder;
}

function examine(given: string): Examination {
  const problems: string[] = [];
  const attempt = collectProblems(problems);
  const dir = attempt(() => realFolder(given)) ?? given;
  const files = problems.length === 0 ? (attempt(() => surveyFiles(dir)) ?? []) : [];
  const manifest = (problems.length === 0 && attempt(() => readManifest(dir))) || {
    description: {},
    files: {},
  };
  if (problems.length > 0) return { inspection: finishInspection(dir, { files, problems, notes: [] }) };
  const choice = chooseFiles(files, manifest);
  problems.push(...choice.problems);
  const parts = loadComponents(dir, { chosen: choice.chosen, manifest, attempt });
  problems.push(...checkAgreement(parts).map(({ message }) => message));
  const { mmdit, vaeEncodes } = parts;
  const name = basename(dir);
  const description =
    mmdit &&
    attempt(() =>
      describeModel(manifest, { name, mmdit: mmdit.config, vaeEncodes, files: filesOf(choice.chosen) }),
    );
  buildAll(parts, attempt);
  // Beside a problem these notes would mislead: a part that failed reads no tensors, and nothing "runs without" another.
  const complete = problems.length === 0;
  const notes = [
    ...choice.notes,
    ...brokenFiles(files, choice),
    ...(complete ? [...missingEncoders(parts), ...reportUnused(choice.chosen)] : []),
  ];
  const inspection = finishInspection(dir, { files, problems, notes, choice, description });
  const folder = problems.length === 0 ? toFolder(inspection, parts) : undefined;
  return { inspection, ...(folder && { folder }) };
}

/** Where each part lies, inside the model folder. */
function filesOf(chosen: FileChoice["chosen"]): ModelFiles {
  return Object.fromEntries(Object.values(chosen).map(({ role, file }) => [role, file.path]));
}

function realFolder(dir: string): string {
  try {
    const real = realpathSync(dir);
    if (statSync(real).isDirectory()) return real;
  } catch (cause) {
    throw new FarmError("model_invalid", `Cannot open ${dir} as a model: folder is missing or unreadable`, {
      cause,
    });
  }
  throw new FarmError("model_invalid", `Cannot open ${dir} as a model: kind is no folder`);
}

/** Emits every graph once: a missing tensor or a wrong shape shows here, and each used tensor is marked. */
function buildAll(parts: Components, attempt: Attempt): void {
  for (const build of Object.values(partialGraphs(parts))) attempt(build);
  const { clipL, clipG, t5 } = parts;
  for (const part of [clipL, clipG]) if (part) markTable(part.source, clipTableKey(part.config));
  for (const embedding of ["shared.weight", "encoder.embed_tokens.weight"] as const) {
    if (t5) markTable(t5.source, t5TableKey({ ...t5.config, embedding }));
  }
}

/** Marks a token table, which no graph holds, and its scale in either form as used. */
function markTable({ usedTensors }: WeightSource, key: string): void {
  const layer = key.replace(/\.weight$/, "");
  for (const used of [key, `${layer}.scale_weight`, `${layer}.weight_scale`]) usedTensors.add(used);
}

function toFolder(
  { name, dir, description, notes }: ModelInspection,
  parts: Components,
): ModelFolder | undefined {
  const { mmdit, vae, clipL, clipG, t5, tokenizers, vaeEncodes } = parts;
  if (description === undefined || mmdit === undefined || vae === undefined) return undefined;
  const { contextWidth, pooledWidth } = mmdit.config;
  const encoders = { ...(clipL && { clipL }), ...(clipG && { clipG }), ...(t5 && { t5 }) };
  const shape = { contextWidth, pooledWidth };
  return { name, dir, description, mmdit, vae, vaeEncodes, ...encoders, tokenizers, ...shape, notes };
}

function finishInspection(
  dir: string,
  found: {
    readonly files: readonly WeightFile[];
    readonly problems: readonly string[];
    readonly notes: readonly string[];
    readonly choice?: FileChoice;
    readonly description?: ModelInfo | undefined;
  },
): ModelInspection {
  const { files, problems, notes, choice, description } = found;
  return {
    dir,
    name: description?.name ?? basename(dir),
    files: files.map((file) => inspectFile(file, choice)),
    ...(description && { description }),
    problems,
    notes,
    runnable: problems.length === 0,
  };
}

function inspectFile({ path, bytes, content }: WeightFile, choice: FileChoice | undefined): InspectedFile {
  const roles = FILE_ROLES.filter((role) => choice?.chosen[role]?.file.path === path);
  if (content instanceof FarmError) return { path, bytes, kind: content.message, roles, dtypes: {} };
  const dtypes: Partial<Record<Dtype, number>> = {};
  for (const { dtype, byteLength } of content.header.tensors.values()) {
    dtypes[dtype] = (dtypes[dtype] ?? 0) + byteLength;
  }
  return {
    path,
    bytes,
    kind: identifyFile(content.header),
    roles,
    dtypes,
    quantization: content.quantization.form,
  };
}

/** Broken files that nothing is taken from; a chosen one is a problem already. */
function brokenFiles(files: readonly WeightFile[], { problems }: FileChoice): string[] {
  return files.flatMap(({ path, content }) =>
    content instanceof FarmError && !problems.includes(content.message)
      ? [`${path} is not used: ${content.message}`]
      : [],
  );
}

/** The picture follows the prompt less well without one of the encoders; SD3 was trained to bear it. */
function missingEncoders({ clipL, clipG, t5 }: Components): string[] {
  const encoders = { "CLIP-L": clipL, "CLIP-G": clipG, "T5-XXL": t5 };
  return Object.entries(encoders).flatMap(([name, part]) =>
    part === undefined ? [`${name} text encoder is missing: the model runs without it`] : [],
  );
}
