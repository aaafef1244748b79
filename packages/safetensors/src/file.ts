import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { FarmError } from "@latentfarm/contract";
import { fromSystemError, invalidContent, invalidFile } from "./file-error.js";
import { decodeFloat32 } from "./float-codec.js";
import { headerLength, parseHeader, type SafetensorsHeader, type TensorInfo } from "./header.js";
import { LENGTH_PREFIX_BYTES, READ_BYTES_MAX } from "./limits.js";

/**
 * An open .safetensors file whose header passed every check. Owns a file descriptor; close it or hold it with
 * `using`.
 *
 * The file is never read as a whole: each call reads just the bytes it returns, at their position, out of the
 * operating system's page cache, which onnxruntime's own mapping of the same file shares. See
 * infra/decisions/2026-11-22-positional-reads.md for why this is no mmap.
 */
export class SafetensorsFile {
  readonly path: string;
  readonly header: SafetensorsHeader;
  #descriptor: number | undefined;

  private constructor(path: string, descriptor: number) {
    this.path = path;
    this.header = readHeader(path, descriptor);
    this.#descriptor = descriptor;
  }

  /**
   * Opens the file and checks its header; the tensors' values are not read.
   * @throws {FarmError} file_invalid, file_unreadable
   */
  static open(path: string): SafetensorsFile {
    const descriptor = openRegularFile(path);
    try {
      return new SafetensorsFile(path, descriptor);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  /**
   * Where the tensor lies.
   * @throws {FarmError} file_invalid when the file has no tensor of that name
   */
  tensor(name: string): TensorInfo {
    const info = this.header.tensors.get(name);
    if (info) return info;
    const message = `Cannot read tensor as a part of ${this.path}: name is ${name}, which the file lacks`;
    throw new FarmError("file_invalid", message, { details: { path: this.path, tensor: name } });
  }

  /**
   * The tensor's bytes from `begin` to `end` (excluded), counted from the tensor's own start; all by default.
   * @throws {RangeError} when the range leaves the tensor
   * @throws {FarmError} file_invalid for an unknown name or a file cut short since it was opened, file_unreadable
   */
  readBytes(name: string, begin = 0, end = this.tensor(name).byteLength): Uint8Array {
    const { byteOffset, byteLength } = this.tensor(name);
    const whole = Number.isSafeInteger(begin) && Number.isSafeInteger(end);
    if (!whole || begin < 0 || begin > end || end > byteLength) {
      throw new RangeError(
        `Cannot read bytes as a part of ${name}: range is [${begin}, ${end}] of ${byteLength}`,
      );
    }
    return this.#read(byteOffset + begin, end - begin);
  }

  /**
   * The whole tensor as float32, in the file's order.
   * @throws {TypeError} for a tensor of integers
   * @throws {FarmError} as {@link readBytes}
   */
  readFloat32(name: string): Float32Array {
    return decodeFloat32(this.tensor(name).dtype, this.readBytes(name));
  }

  /**
   * Rows of a matrix, decoded and laid end to end: ``float32 [rows.length, columns]``. Embedding tables of hundreds
   * of megabytes are read this way, a few kilobytes per token.
   * @throws {RangeError} for a row outside the matrix
   * @throws {TypeError} for a tensor that is no matrix of floats
   * @throws {FarmError} as {@link readBytes}
   */
  readRows(name: string, rows: readonly number[]): Float32Array {
    const { dtype, shape, byteLength } = this.tensor(name);
    const [rowCount, columns, ...rest] = shape;
    if (rowCount === undefined || columns === undefined || rest.length > 0) {
      throw new TypeError(`Cannot read rows as vectors of ${name}: shape is [${shape}]`);
    }
    const rowBytes = rowCount === 0 ? 0 : byteLength / rowCount;
    const bytes = new Uint8Array(rows.length * rowBytes);
    for (const [index, row] of rows.entries()) {
      if (!Number.isInteger(row) || row < 0 || row >= rowCount) {
        throw new RangeError(`Cannot read rows as vectors of ${name}: row is ${row}, of ${rowCount}`);
      }
      bytes.set(this.readBytes(name, row * rowBytes, (row + 1) * rowBytes), index * rowBytes);
    }
    return decodeFloat32(dtype, bytes);
  }

  /** Closes the descriptor; a second call does nothing. */
  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #read(position: number, length: number): Uint8Array {
    if (this.#descriptor === undefined)
      throw new TypeError(`Cannot read ${this.path} as bytes: file is closed`);
    return readExactly({ path: this.path, descriptor: this.#descriptor, position, length });
  }
}

/** Opening a pipe would wait for a writer and a device has no size, so the kind is checked first. */
function openRegularFile(path: string): number {
  try {
    if (statSync(path).isFile()) return openSync(path, "r");
  } catch (error) {
    throw fromSystemError("open", path, error);
  }
  throw invalidFile(path, invalidContent("kind is not a regular file"));
}

function readHeader(path: string, descriptor: number): SafetensorsHeader {
  const fileBytes = fstatSync(descriptor).size;
  const read = (length: number): Uint8Array =>
    readExactly({ path, descriptor, position: 0, length: Math.min(length, fileBytes) });
  try {
    const prefix = read(LENGTH_PREFIX_BYTES);
    return parseHeader(read(LENGTH_PREFIX_BYTES + headerLength(prefix, fileBytes)), fileBytes);
  } catch (error) {
    if (error instanceof FarmError && error.details.reason !== undefined) throw invalidFile(path, error);
    throw error;
  }
}

interface ReadRequest {
  readonly path: string;
  readonly descriptor: number;
  readonly position: number;
  readonly length: number;
}

function readExactly({ path, descriptor, position, length }: ReadRequest): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length; ) {
    const count = readSome(path, () =>
      readSync(descriptor, bytes, filled, Math.min(length - filled, READ_BYTES_MAX), position + filled),
    );
    if (count === 0) {
      const foundBytes = position + filled;
      const reason = `size is ${foundBytes} bytes, expected ${position + length} (cut short while open)`;
      throw invalidFile(path, invalidContent(reason, { expectedBytes: position + length, foundBytes }));
    }
    filled += count;
  }
  return bytes;
}

function readSome(path: string, read: () => number): number {
  try {
    return read();
  } catch (error) {
    throw fromSystemError("read", path, error);
  }
}
