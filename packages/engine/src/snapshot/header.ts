import { FarmError, LIMITS } from "@latentfarm/contract";

/** The JSON header of a snapshot. */
export interface SnapshotHeader {
  readonly modelHash: string;
  readonly graphHash: string;
  readonly paramsHash: string;
  readonly steps: number;
  readonly samplerVersion: number;
  readonly sampler: string;
  readonly step: number;
  readonly noiseDrawn: number;
  /** In the order of their values. */
  readonly tensors: readonly { readonly name: string; readonly length: number }[];
}

/** Tensors of a snapshot: the latent and what a sampler remembers; the longest memory of one has 5. */
const TENSORS_MAX = 16;
/** Values of one tensor: a latent of the largest picture, 16 channels of one value for 8 x 8 pixels. */
const TENSOR_LENGTH_MAX = LIMITS.pixels_max / 4;
/** Names of tensors are the samplers' own identifiers. */
const TENSOR_NAME = /^[A-Za-z][A-Za-z0-9_]{0,31}$/;
/** A hexadecimal SHA-256. */
const HASH = /^[0-9a-f]{64}$/;

/**
 * Reads the header.
 * @throws {FarmError} file_invalid
 */
export function readHeader(bytes: Uint8Array): SnapshotHeader {
  const fields = fieldsOf(parseJson(bytes), "header");
  const steps = wholeNumber(fields, "steps");
  const step = wholeNumber(fields, "step");
  if (step > steps) throw invalidSnapshot(`step is ${step} of ${steps}`);
  return {
    modelHash: hash(fields, "modelHash"),
    graphHash: hash(fields, "graphHash"),
    paramsHash: hash(fields, "paramsHash"),
    steps,
    step,
    samplerVersion: wholeNumber(fields, "samplerVersion"),
    sampler: String(fields.sampler),
    noiseDrawn: wholeNumber(fields, "noiseDrawn"),
    tensors: tensorsOf(fields.tensors),
  };
}

/** The refusal of a snapshot; the frame then begins anew. */
export function invalidSnapshot(reason: string): FarmError {
  return new FarmError("file_invalid", `Cannot use the snapshot as it is damaged or foreign: ${reason}`);
}

function tensorsOf(value: unknown): SnapshotHeader["tensors"] {
  if (!Array.isArray(value) || value.length > TENSORS_MAX) throw invalidSnapshot("tensors is no short list");
  const tensors = value.map((entry) => {
    const fields = fieldsOf(entry, "tensors");
    const { name } = fields;
    if (typeof name !== "string" || !TENSOR_NAME.test(name)) throw invalidSnapshot("a tensor has no name");
    const length = wholeNumber(fields, "length");
    if (length > TENSOR_LENGTH_MAX) throw invalidSnapshot(`length of a tensor is ${length}`);
    return { name, length };
  });
  if (new Set(tensors.map(({ name }) => name)).size < tensors.length) {
    throw invalidSnapshot("a tensor is there twice");
  }
  return tensors;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw invalidSnapshot("its header is no JSON");
  }
}

function fieldsOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw invalidSnapshot(`${what} is no object`);
  return Object.fromEntries(Object.entries(value));
}

function hash(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  if (typeof value !== "string" || !HASH.test(value)) throw invalidSnapshot(`${name} is no hash`);
  return value;
}

function wholeNumber(fields: Readonly<Record<string, unknown>>, name: string): number {
  const value = fields[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw invalidSnapshot(`${name} is no whole number`);
  }
  return value;
}
