import { createHash } from "node:crypto";
import { PutObjectCommand, type PutObjectCommandInput, type S3Client } from "@aws-sdk/client-s3";
import type { NewObjectInfo } from "../object-store.js";
import { companionKey, packLabels } from "./object-labels.js";
import { type S3Call, toS3StoreError } from "./s3-error.js";
import type { S3Limits, S3Settings } from "./s3-settings.js";

/** A bucket as the store's parts share it. */
export interface Bucket {
  readonly client: S3Client;
  readonly settings: S3Settings;
  readonly limits: S3Limits;
}

/** The name of an object in the bucket. */
export function objectName(
  { settings }: Pick<Bucket, "settings">,
  key: string,
): { readonly Bucket: string; readonly Key: string } {
  return { Bucket: settings.bucket, Key: `${settings.prefix}${key}` };
}

/** Runs one call within its time; its failure becomes a FarmError. */
export async function callStore<Result>(
  { limits }: Pick<Bucket, "limits">,
  call: S3Call,
  work: (options: { abortSignal: AbortSignal }) => Promise<Result>,
): Promise<Result> {
  try {
    return await work({ abortSignal: AbortSignal.timeout(limits.callMs) });
  } catch (error) {
    throw toS3StoreError(call, error);
  }
}

/**
 * Writes an object in one request of known length, so that no server sees a stream in chunks (some store the frames of
 * the chunks) and nothing half-done stays behind. Labels that do not fit go first: until the object is there, nothing
 * points at them.
 */
export async function putObject(
  bucket: Bucket,
  object: { readonly key: string; readonly bytes: Uint8Array; readonly info: NewObjectInfo },
): Promise<void> {
  const { key, bytes, info } = object;
  const sha256 = createHash("sha256").update(bytes).digest();
  const { metadata, companion } = packLabels(sha256.toString("hex"), info.metadata);
  if (companion !== undefined) {
    const beside = { contentType: "application/json", metadata: {}, ...(info.tags && { tags: info.tags }) };
    const name = companionKey(key, companion.sha256);
    await putObject(bucket, { key: name, bytes: companion.bytes, info: beside });
  }
  const command = new PutObjectCommand({
    ...objectName(bucket, key),
    ...putSettings(bucket.settings, info.tags),
    Body: bytes,
    ContentLength: bytes.length,
    ContentType: info.contentType,
    Metadata: { ...metadata },
    ...(bucket.settings.checksums === "sha256" && { ChecksumSHA256: sha256.toString("base64") }),
  });
  await callStore(bucket, { action: "write", key }, (options) => bucket.client.send(command, options));
}

/** What the settings say of every object that is written. */
export function putSettings(
  settings: S3Settings,
  tags: NewObjectInfo["tags"] = {},
): Pick<PutObjectCommandInput, "ServerSideEncryption" | "SSEKMSKeyId" | "StorageClass" | "Tagging"> {
  const { encryption, storageClass } = settings;
  const keyId = encryption?.algorithm === "aws:kms" ? encryption.keyId : undefined;
  const tagging = settings.tags ? new URLSearchParams(tags).toString() : "";
  return {
    ...(encryption && { ServerSideEncryption: encryption.algorithm }),
    ...(keyId !== undefined && { SSEKMSKeyId: keyId }),
    ...(storageClass && { StorageClass: storageClass }),
    ...(tagging !== "" && { Tagging: tagging }),
  };
}
