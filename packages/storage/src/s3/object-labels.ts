import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";

/**
 * Characters of labels that travel as metadata of the object: S3 takes 2 KB of names and values together, and the
 * hash and the names take some 150.
 * Source: docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
 */
const LABEL_CHARS_MAX = 1_800;
/** Bytes of labels before they are packed: a result with long notes takes 2 kB. */
const LABEL_BYTES_MAX = 65_536;

const HASH = "farm-sha256";
const LABELS = "farm-labels";
const LABELS_HASH = "farm-labels-sha256";

/** What an object's own metadata says. */
export interface HeadMetadata {
  readonly sha256: string;
  /** The labels, or the hash of the JSON that holds them. */
  readonly labels:
    | { readonly kind: "here"; readonly labels: Readonly<Record<string, string>> }
    | { readonly kind: "beside"; readonly sha256: string };
}

/** Labels as they are written: as metadata of the object, and beside it when they are too many. */
export interface PackedLabels {
  readonly metadata: Readonly<Record<string, string>>;
  /** The JSON of labels that do not fit, with its hexadecimal SHA-256. */
  readonly companion: { readonly bytes: Uint8Array; readonly sha256: string } | undefined;
}

/**
 * Packs labels for S3, whose metadata is ASCII and 2 KB in all: JSON, raw deflate, base64url. Labels that are larger
 * yet go into an object of their own, whose hash stands in the metadata: whoever finds the object finds exactly its
 * own labels.
 * @throws {RangeError} they are over 64 KiB of JSON
 */
export function packLabels(sha256: string, labels: Readonly<Record<string, string>>): PackedLabels {
  const bytes = Buffer.from(JSON.stringify(labels));
  if (bytes.length > LABEL_BYTES_MAX) {
    throw new RangeError(`Cannot store the labels as ${LABEL_BYTES_MAX} bytes: size is ${bytes.length}`);
  }
  const packed = deflateRawSync(bytes).toString("base64url");
  if (packed.length <= LABEL_CHARS_MAX) {
    return { metadata: { [HASH]: sha256, [LABELS]: packed }, companion: undefined };
  }
  const companion = { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
  return { metadata: { [HASH]: sha256, [LABELS_HASH]: companion.sha256 }, companion };
}

/** Reads what packLabels() wrote; undefined for an object that no put of ours wrote. */
export function unpackLabels(metadata: Readonly<Record<string, string>> = {}): HeadMetadata | undefined {
  const { [HASH]: sha256, [LABELS]: packed, [LABELS_HASH]: companionSha256 } = metadata;
  if (sha256 === undefined) return undefined;
  if (companionSha256 !== undefined) return { sha256, labels: { kind: "beside", sha256: companionSha256 } };
  if (packed === undefined) return undefined;
  try {
    const bytes = inflateRawSync(Buffer.from(packed, "base64url"), { maxOutputLength: LABEL_BYTES_MAX });
    const labels = parseLabels(bytes);
    return labels && { sha256, labels: { kind: "here", labels } };
  } catch {
    return undefined;
  }
}

/** Reads the JSON of labels; undefined when it is none. */
export function parseLabels(bytes: Uint8Array): Readonly<Record<string, string>> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const labels = Object.entries(value).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return Object.fromEntries(labels);
}

/** The key of the labels that do not fit beside an object; under the same folder, so that it goes with the job. */
export function companionKey(key: string, sha256: string): string {
  return `${key}.${sha256.slice(0, COMPANION_CHARS)}.labels`;
}

/** Characters of the hash in a companion's name: 64 bits tell the puts to one key apart. */
const COMPANION_CHARS = 16;
