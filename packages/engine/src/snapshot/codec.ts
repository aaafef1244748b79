import { createHash } from "node:crypto";
import { isSamplerName } from "@latentfarm/sampling";
import type { FrameSnapshot } from "./frame-snapshot.js";
import { invalidSnapshot, readHeader, type SnapshotHeader } from "./header.js";

/**
 * The version of the form below, and the only one that is read: a snapshot lives for minutes, so an older one is
 * worth a few steps at most, and those are drawn again.
 */
export const SNAPSHOT_VERSION = 1;

/** The first bytes: the name, and a line end of each kind and a null, so that a copy made as text is refused at once. */
const MAGIC = Uint8Array.from(Buffer.from("LFSNAP\r\n\n\0", "latin1"));
/** Magic, version in 2 bytes, length of the header in 4: together 16, so that the header starts on a round place. */
const PREFIX_BYTES = MAGIC.length + 2 + 4;
/** SHA-256 over all bytes before it. */
const DIGEST_BYTES = 32;
const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Bytes of the header: three hashes and a dozen tensors take 700. */
export const HEADER_BYTES_MAX = 4_096;

/**
 * Bytes of a snapshot: the largest picture of the contract (4,194,304 pixels) has a latent of 4 MiB, and a sampler
 * that remembers as many tensors as the header allows has 16 of them.
 */
export const SNAPSHOT_BYTES_MAX = 16 * 4_194_304 + HEADER_BYTES_MAX + PREFIX_BYTES + DIGEST_BYTES;

/**
 * Writes a snapshot: magic, version, a JSON header that names the tensors, their values as float32 little-endian in
 * that order, and a SHA-256 over all of it.
 */
export function encodeSnapshot(snapshot: FrameSnapshot): Uint8Array {
  const tensors = Object.entries(snapshot.sampler.tensors);
  const header = Buffer.from(JSON.stringify(describe(snapshot, tensors)));
  if (header.length > HEADER_BYTES_MAX) {
    throw new RangeError(`Cannot write a snapshot as its header is too long: bytes is ${header.length}`);
  }
  const values = tensors.reduce((sum, [, tensor]) => sum + tensor.byteLength, 0);
  const bytes = new Uint8Array(PREFIX_BYTES + header.length + values + DIGEST_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint16(MAGIC.length, SNAPSHOT_VERSION, true);
  view.setUint32(MAGIC.length + 2, header.length, true);
  bytes.set(header, PREFIX_BYTES);
  let offset = PREFIX_BYTES + header.length;
  for (const [, tensor] of tensors) {
    // Every machine that Node and onnxruntime run on keeps its floats little-endian, as the form has them.
    bytes.set(new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength), offset);
    offset += tensor.byteLength;
  }
  bytes.set(digestOf(bytes.subarray(0, offset)), offset);
  return bytes;
}

/**
 * Reads a snapshot. Nothing of it is trusted: it comes out of a store that others write to.
 * @throws {FarmError} file_invalid when it is not a snapshot of this version, or was cut or changed
 */
export function decodeSnapshot(bytes: Uint8Array): FrameSnapshot {
  if (bytes.length > SNAPSHOT_BYTES_MAX) throw invalidSnapshot(`bytes is ${bytes.length}`);
  if (bytes.length < PREFIX_BYTES + DIGEST_BYTES) throw invalidSnapshot(`bytes is ${bytes.length}`);
  if (!isEqual(bytes.subarray(0, MAGIC.length), MAGIC)) throw invalidSnapshot("its first bytes are others");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint16(MAGIC.length, true);
  if (version !== SNAPSHOT_VERSION) throw invalidSnapshot(`version is ${version}`);
  const end = bytes.length - DIGEST_BYTES;
  if (!isEqual(digestOf(bytes.subarray(0, end)), bytes.subarray(end))) {
    throw invalidSnapshot("its checksum is another");
  }
  const headerBytes = view.getUint32(MAGIC.length + 2, true);
  const payloadAt = PREFIX_BYTES + headerBytes;
  if (headerBytes > HEADER_BYTES_MAX || payloadAt > end) {
    throw invalidSnapshot(`length of its header is ${headerBytes}`);
  }
  return assemble(readHeader(bytes.subarray(PREFIX_BYTES, payloadAt)), bytes.subarray(payloadAt, end));
}

function describe(
  { identity, steps, sampler }: FrameSnapshot,
  tensors: readonly (readonly [string, Float32Array])[],
): SnapshotHeader {
  return {
    ...identity,
    steps,
    samplerVersion: sampler.version,
    sampler: sampler.sampler,
    step: sampler.step,
    noiseDrawn: sampler.noiseDrawn,
    tensors: tensors.map(([name, { length }]) => ({ name, length })),
  };
}

function assemble(header: SnapshotHeader, payload: Uint8Array): FrameSnapshot {
  const { modelHash, graphHash, paramsHash, steps, step, noiseDrawn, sampler } = header;
  if (!isSamplerName(sampler)) throw invalidSnapshot("its sampler is not known");
  const floats = header.tensors.reduce((sum, { length }) => sum + length, 0);
  if (floats * FLOAT_BYTES !== payload.length) {
    throw invalidSnapshot(`its tensors have ${payload.length} bytes, expected ${floats * FLOAT_BYTES}`);
  }
  // A copy starts at an address that floats may have, which a place within the file need not be. (`slice` would be none:
  // what Redis gives is a Buffer, whose own `slice` copies nothing.)
  const values = new Float32Array(new Uint8Array(payload).buffer);
  if (!values.every(Number.isFinite)) throw invalidSnapshot("a value is not finite");
  let offset = 0;
  const tensors = header.tensors.map(({ name, length }): [string, Float32Array] => {
    offset += length;
    return [name, values.subarray(offset - length, offset)];
  });
  return {
    identity: { modelHash, graphHash, paramsHash },
    steps,
    sampler: {
      version: header.samplerVersion,
      sampler,
      step,
      noiseDrawn,
      tensors: Object.fromEntries(tensors),
    },
  };
}

function digestOf(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
