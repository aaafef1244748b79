import type { FarmError } from "@latentfarm/contract";
import { DTYPE_BYTES, type Dtype, isDtype } from "./dtype.js";
import { invalidContent, quote } from "./file-error.js";
import { type JsonCursor, readEnd, readIntegers, readObject, readString } from "./json-cursor.js";
import {
  HEADER_BYTES_MAX,
  HEADER_BYTES_MIN,
  LENGTH_PREFIX_BYTES,
  METADATA_COUNT_MAX,
  NAME_LENGTH_MAX,
  RANK_MAX,
  TENSOR_COUNT_MAX,
} from "./limits.js";

/** Where one tensor lies. `byteOffset` counts from the start of the file, so it serves as an ONNX external offset. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** A header that passed every check: the tensors cover the rest of the file without hole or overlap. */
export interface SafetensorsHeader {
  /** Tensors by name, in the header's order. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** `__metadata__`; an object without prototype, so that a key `__proto__` is just a key. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly fileBytes: number;
}

/** A tensor as the header states it: `begin` and `end` count from the end of the header. */
interface TensorEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

const OPENING_BRACE = 0x7b;
const METADATA_KEY = "__metadata__";

/**
 * Reads and checks the header of a .safetensors file.
 *
 * @param bytes the file's first 8 + n bytes or more, n being {@link headerLength}
 * @param fileBytes size of the whole file, against which the tensors' offsets are checked
 *
 * The rules are those of the reference: length prefix and header within the file, strict UTF-8 JSON that starts
 * with `{` and ends in spaces only, exact sizes, checked multiplication, offsets contiguous from 0 to the last byte.
 * Stricter than the reference are: no key twice at any level, no unknown field of a tensor, and the caps of limits.ts.
 *
 * Source: huggingface/safetensors, `safetensors/src/tensor.rs`, `read_metadata` and `Metadata::validate`.
 * @throws {FarmError} file_invalid
 */
export function parseHeader(bytes: Uint8Array, fileBytes: number): SafetensorsHeader {
  const dataStart = LENGTH_PREFIX_BYTES + headerLength(bytes, fileBytes);
  if (bytes.length < dataStart) throw truncated("the header", dataStart, bytes.length);
  const { entries, metadata } = parseEntries(decodeText(bytes.subarray(LENGTH_PREFIX_BYTES, dataStart)));
  checkCoverage(entries, dataStart, fileBytes);
  const tensors = new Map<string, TensorInfo>();
  for (const { name, dtype, shape, begin, end } of entries) {
    tensors.set(name, { name, dtype, shape, byteOffset: dataStart + begin, byteLength: end - begin });
  }
  return { tensors, metadata, fileBytes };
}

/**
 * Length of the JSON header in bytes, from the file's first 8 bytes; checked before anything is allocated for it.
 * @throws {FarmError} file_invalid
 */
export function headerLength(prefix: Uint8Array, fileBytes: number): number {
  const foundBytes = Math.min(prefix.length, fileBytes);
  if (foundBytes < LENGTH_PREFIX_BYTES) throw truncated("the length prefix", LENGTH_PREFIX_BYTES, foundBytes);
  const view = new DataView(prefix.buffer, prefix.byteOffset, LENGTH_PREFIX_BYTES);
  const length = view.getBigUint64(0, true);
  if (length < HEADER_BYTES_MIN || length > HEADER_BYTES_MAX) {
    throw invalidContent(
      `header length is ${length} bytes, expected ${HEADER_BYTES_MIN} to ${HEADER_BYTES_MAX}`,
    );
  }
  const expectedBytes = LENGTH_PREFIX_BYTES + Number(length);
  if (expectedBytes > fileBytes) throw truncated("the header", expectedBytes, fileBytes);
  return Number(length);
}

function truncated(what: string, expectedBytes: number, foundBytes: number): FarmError {
  const reason = `size is ${foundBytes} bytes, expected ${expectedBytes} for ${what} (a truncated download?)`;
  return invalidContent(reason, { expectedBytes, foundBytes });
}

function decodeText(bytes: Uint8Array): string {
  if (bytes[0] !== OPENING_BRACE) throw invalidContent(`first byte is ${bytes[0]}, expected 123, a "{"`);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalidContent("header text is not UTF-8");
  }
}

function parseEntries(text: string): { entries: TensorEntry[]; metadata: Record<string, string> } {
  const cursor: JsonCursor = { text, at: 0 };
  const entries: TensorEntry[] = [];
  let metadata = emptyRecord();
  readObject(cursor, {
    what: "the header",
    countMax: TENSOR_COUNT_MAX + 1, // __metadata__ is no tensor
    onKey: (name) => {
      if (name === METADATA_KEY) metadata = parseMetadata(cursor);
      else entries.push(parseEntry(cursor, name));
    },
  });
  readEnd(cursor);
  return { entries, metadata };
}

function emptyRecord(): Record<string, string> {
  return Object.create(null);
}

function parseMetadata(cursor: JsonCursor): Record<string, string> {
  const metadata = emptyRecord();
  readObject(cursor, {
    what: METADATA_KEY,
    countMax: METADATA_COUNT_MAX,
    onKey: (key) => {
      metadata[key] = readString(cursor, `a value of ${METADATA_KEY}`);
    },
  });
  return metadata;
}

function parseEntry(cursor: JsonCursor, name: string): TensorEntry {
  if (name.length > NAME_LENGTH_MAX) {
    throw invalidContent(
      `length of tensor name ${quote(name)} is ${name.length}, at most ${NAME_LENGTH_MAX}`,
    );
  }
  const what = `tensor ${quote(name)}`;
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  readObject(cursor, {
    what,
    countMax: 3, // dtype, shape, data_offsets
    onKey: (field) => {
      if (field === "dtype") dtype = readString(cursor, `dtype of ${what}`);
      else if (field === "shape") shape = readIntegers(cursor, `shape of ${what}`, RANK_MAX);
      else if (field === "data_offsets") offsets = readIntegers(cursor, `data_offsets of ${what}`, 2);
      else throw invalidContent(`field ${quote(field)} of ${what} is unknown`);
    },
  });
  if (dtype === undefined) throw invalidContent(`dtype of ${what} is missing`);
  if (shape === undefined) throw invalidContent(`shape of ${what} is missing`);
  const [begin, end] = offsets ?? [];
  if (begin === undefined || end === undefined)
    throw invalidContent(`data_offsets of ${what} is not two integers`);
  if (!isDtype(dtype)) throw invalidContent(`dtype of ${what} is ${quote(dtype)}`, { tensor: name, dtype });
  checkSize({ name, dtype, shape, begin, end });
  return { name, dtype, shape, begin, end };
}

function checkSize({ name, dtype, shape, begin, end }: TensorEntry): void {
  let bytes = 1;
  for (const factor of [...shape, DTYPE_BYTES[dtype]]) {
    if (factor > 0 && bytes > Number.MAX_SAFE_INTEGER / factor) {
      throw invalidContent(`shape of tensor ${quote(name)} is [${shape}], more than 2^53 - 1 bytes`);
    }
    bytes *= factor;
  }
  if (end - begin === bytes) return;
  const reason = `data_offsets of tensor ${quote(name)} is [${begin}, ${end}], expected ${bytes} bytes for ${dtype} [${shape}]`;
  throw invalidContent(reason, { tensor: name });
}

/** Asserts that the tensors, laid end to end, fill the file from the header to its last byte. */
function checkCoverage(entries: readonly TensorEntry[], dataStart: number, fileBytes: number): void {
  let covered = 0;
  for (const entry of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== covered) {
      const kind = entry.begin < covered ? "an overlap" : "a hole";
      const reason = `begin of tensor ${quote(entry.name)} is ${entry.begin}, expected ${covered} (${kind})`;
      throw invalidContent(reason, { tensor: entry.name });
    }
    covered = entry.end;
  }
  const expectedBytes = dataStart + covered;
  if (expectedBytes > fileBytes) throw truncated("the tensors", expectedBytes, fileBytes);
  if (expectedBytes < fileBytes) {
    const reason = `size is ${fileBytes} bytes, expected ${expectedBytes}: bytes after the last tensor`;
    throw invalidContent(reason, { expectedBytes, foundBytes: fileBytes });
  }
}
