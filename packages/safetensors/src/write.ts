import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { DTYPE_BYTES, type Dtype } from "./dtype.js";
import { fromSystemError } from "./file-error.js";
import { parseHeader } from "./header.js";
import { LENGTH_PREFIX_BYTES } from "./limits.js";

/** A tensor to be written; its bytes come from {@link WriteOptions.fill}. */
export interface TensorPlan {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/** What {@link writeSafetensors} writes besides the tensors' names and shapes. */
export interface WriteOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** Gives the tensor's bytes in chunks of any size; asked for the next one only when the last is written. */
  readonly fill: (tensor: TensorPlan) => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** The header ends on a multiple of 8 bytes, so that wide elements behind it lie aligned, as the reference writes it. */
const HEADER_ALIGNMENT_BYTES = 8;

/**
 * Writes a .safetensors file, tensors in the given order. One chunk at a time is in memory, so files of tens of
 * gigabytes are possible. The file appears under its name only when it is whole and on the disk: a reader never
 * sees a half of it, and a failure leaves the old one in place.
 * @throws {RangeError} when `fill` gives more or fewer bytes than dtype and shape ask for
 * @throws {FarmError} file_invalid for names, shapes or metadata that the reader would refuse; file_unreadable when
 * the system cannot write
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorPlan[],
  options: WriteOptions,
): Promise<void> {
  const head = encodeHead(tensors, options.metadata);
  const partial = `${path}.${randomUUID()}.partial`;
  const file = await open(partial, "wx").catch((error) => {
    throw fromSystemError("create", partial, error);
  });
  try {
    await writeAll(file, head, path);
    for (const tensor of tensors) await writeTensor(file, tensor, { path, fill: options.fill });
    await publish(file, partial, path);
  } catch (error) {
    await file.close().catch(() => undefined); // closed already when rename() failed; the first error counts
    await rm(partial, { force: true });
    throw error;
  }
}

/** Flushes before renaming: a power cut must not leave the name on an empty file. */
async function publish(file: FileHandle, partial: string, path: string): Promise<void> {
  try {
    await file.sync();
    await file.close();
    await rename(partial, path);
  } catch (error) {
    throw fromSystemError("write", path, error);
  }
}

/** Length prefix and header. The reader checks them before a byte is written, so that both obey one set of rules. */
function encodeHead(tensors: readonly TensorPlan[], metadata?: Readonly<Record<string, string>>): Uint8Array {
  const fields: string[] = [];
  if (metadata) fields.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let end = 0;
  for (const tensor of tensors) {
    const begin = end;
    end += byteLength(tensor);
    const entry = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [begin, end] };
    fields.push(`${JSON.stringify(tensor.name)}:${JSON.stringify(entry)}`);
  }
  const text = Buffer.from(`{${fields.join(",")}}`);
  const paddedBytes = Math.ceil(text.length / HEADER_ALIGNMENT_BYTES) * HEADER_ALIGNMENT_BYTES;
  const head = Buffer.alloc(LENGTH_PREFIX_BYTES + paddedBytes, " ");
  head.writeBigUInt64LE(BigInt(paddedBytes));
  text.copy(head, LENGTH_PREFIX_BYTES);
  parseHeader(head, head.length + end);
  return head;
}

function byteLength({ dtype, shape }: TensorPlan): number {
  return shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
}

async function writeTensor(
  file: FileHandle,
  tensor: TensorPlan,
  { path, fill }: { path: string; fill: WriteOptions["fill"] },
): Promise<void> {
  const expectedBytes = byteLength(tensor);
  let writtenBytes = 0;
  for await (const chunk of fill(tensor)) {
    writtenBytes += chunk.length;
    if (writtenBytes > expectedBytes) break;
    await writeAll(file, chunk, path);
  }
  if (writtenBytes === expectedBytes) return;
  const found = writtenBytes > expectedBytes ? "more" : `${writtenBytes}`;
  throw new RangeError(
    `Cannot write ${tensor.name} as a tensor: size is ${found}, expected ${expectedBytes} bytes`,
  );
}

async function writeAll(file: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written).catch((error) => {
      throw fromSystemError("write", path, error);
    });
    written += bytesWritten;
  }
}
