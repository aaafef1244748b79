import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { SafetensorsFile } from "@latentfarm/safetensors";
import { REPOSITORY_ROOT } from "../harness/processes.js";

/** Folders with cases; any of them may be absent. */
export interface ReferenceSet {
  readonly title: string;
  /** Numbers and graphs, with index.json. */
  readonly reference: string;
  /** Tokenizers with expected.json. */
  readonly tokenizers: string;
  /** A model folder, and pictures of it with expected.json. */
  readonly demoModel: { readonly folder: string; readonly expected: string };
}

/** The cases that live in the project; the real tokenizers are too large for it. */
const OWN_SET: ReferenceSet = {
  title: "own cases",
  reference: path.join(REPOSITORY_ROOT, "test/reference/own/reference"),
  tokenizers: path.join(REPOSITORY_ROOT, "test/reference/own/tokenizers"),
  demoModel: {
    folder: path.join(REPOSITORY_ROOT, "packages/demo-model/model"),
    expected: path.join(REPOSITORY_ROOT, "packages/demo-model/expected"),
  },
};

function sharedSet(dir: string): ReferenceSet {
  return {
    title: "shared cases",
    reference: path.join(dir, "reference"),
    tokenizers: path.join(dir, "tokenizers"),
    demoModel: { folder: path.join(dir, "demo-model"), expected: path.join(dir, "demo-model/expected") },
  };
}

/** Where the full set is looked for when FARM_TEST_SHARED names no other place. */
const SHARED_DEFAULT = path.join(REPOSITORY_ROOT, "../shared");

/**
 * The sets to run: the project's own always, and the full one where it is present. An absent full set is said in a
 * line; one that FARM_TEST_SHARED names and that is not there is an error.
 */
export function referenceSets(): readonly ReferenceSet[] {
  const named = process.env.FARM_TEST_SHARED;
  const dir = path.resolve(REPOSITORY_ROOT, named ?? SHARED_DEFAULT);
  if (existsSync(path.join(dir, "reference", "index.json"))) return [OWN_SET, sharedSet(dir)];
  if (named !== undefined)
    throw new Error(`Cannot read reference cases: FARM_TEST_SHARED is ${named}, not there`);
  process.stderr.write(`reference: ${dir} is absent; only the project's own cases run\n`);
  return [OWN_SET];
}

/** All tensors of a .safetensors file by name, with their shapes; floats are decoded to float32. */
export interface TensorMap {
  readonly names: readonly string[];
  shape(name: string): readonly number[];
  floats(name: string): Float32Array;
  bytes(name: string): Uint8Array;
}

/** Reads a .safetensors file whole: reference files are small. */
export function readTensors(file: string): TensorMap {
  using opened = SafetensorsFile.open(file);
  const { tensors } = opened.header;
  const bytes = new Map([...tensors.keys()].map((name) => [name, opened.readBytes(name)]));
  const floats = new Map(
    [...tensors.values()]
      .filter((tensor) => tensor.dtype.startsWith("F"))
      .map(({ name }) => [name, opened.readFloat32(name)]),
  );
  return {
    names: [...tensors.keys()],
    shape: (name) => present(tensors.get(name), name, file).shape,
    floats: (name) => present(floats.get(name), name, file),
    bytes: (name) => present(bytes.get(name), name, file),
  };
}

function present<T>(value: T | undefined, name: string, file: string): T {
  if (value === undefined) throw new Error(`Cannot read ${file}: tensor ${name} is absent`);
  return value;
}

/** Parses a JSON file as Python writes it: NaN may stand for a number. */
export function readJson<T>(file: string): T {
  const text = readFileSync(file, "utf8").replace(/\bNaN\b/g, '"NaN"');
  return JSON.parse(text, (_, value) => (value === "NaN" ? Number.NaN : value));
}

/** The file names of a folder; none when it is absent. */
export function listFiles(dir: string): readonly string[] {
  return existsSync(dir) ? readdirSync(dir).sort() : [];
}
