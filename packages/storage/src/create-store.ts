import { join } from "node:path";
import { type FarmEnv, FarmError } from "@latentfarm/contract";
import { createDiskStore } from "./disk-store.js";
import type { ObjectStore } from "./object-store.js";
import type { S3Encryption, S3Limits, S3Settings } from "./s3/s3-settings.js";

/** Which store a farm has. */
export type StoreSettings =
  | { readonly kind: "disk"; readonly root: string }
  | { readonly kind: "s3"; readonly s3: S3Settings };

/** The part of the environment that names the store. */
export type StoreEnv = Pick<
  FarmEnv,
  | "FARM_DATA"
  | "FARM_STORE"
  | "FARM_S3_BUCKET"
  | "FARM_S3_REGION"
  | "FARM_S3_ENDPOINT"
  | "FARM_S3_PUBLIC_ENDPOINT"
  | "FARM_S3_PREFIX"
  | "FARM_S3_PATH_STYLE"
  | "FARM_S3_SSE"
  | "FARM_S3_KMS_KEY"
  | "FARM_S3_STORAGE_CLASS"
  | "FARM_S3_CHECKSUMS"
  | "FARM_S3_TAGS"
  | "FARM_S3_PRESIGN_SECONDS"
>;

/** The folder of the disk store in `FARM_DATA`. */
const RESULTS_DIR = "results";

/**
 * What the environment says of the store.
 * @throws {FarmError} config_invalid values that do not go together, all at once
 */
export function storeSettingsOf(env: StoreEnv): StoreSettings {
  const bucket = env.FARM_S3_BUCKET;
  const problems: string[] = [];
  if (env.FARM_STORE === "s3" && bucket === undefined) problems.push("FARM_S3_BUCKET is absent");
  if (env.FARM_STORE === "disk" && bucket !== undefined)
    problems.push("FARM_S3_BUCKET is set, but FARM_STORE is not s3");
  if (env.FARM_S3_KMS_KEY !== undefined && env.FARM_S3_SSE !== "aws:kms")
    problems.push("FARM_S3_KMS_KEY is set, but FARM_S3_SSE is not aws:kms");
  if (env.FARM_S3_PUBLIC_ENDPOINT !== undefined && env.FARM_S3_ENDPOINT === undefined)
    problems.push("FARM_S3_PUBLIC_ENDPOINT is set, but FARM_S3_ENDPOINT is absent");
  if (problems.length > 0) {
    throw new FarmError(
      "config_invalid",
      `Cannot start as the environment is wrong: ${problems.join("; ")}`,
      { details: { problems } },
    );
  }
  if (bucket === undefined) return { kind: "disk", root: join(env.FARM_DATA, RESULTS_DIR) };
  return { kind: "s3", s3: s3SettingsOf(bucket, env) };
}

function s3SettingsOf(bucket: string, env: StoreEnv): S3Settings {
  return Object.freeze({
    bucket,
    region: env.FARM_S3_REGION,
    endpoint: env.FARM_S3_ENDPOINT,
    publicEndpoint: env.FARM_S3_PUBLIC_ENDPOINT,
    prefix: env.FARM_S3_PREFIX,
    pathStyle: env.FARM_S3_PATH_STYLE,
    encryption: encryptionOf(env),
    storageClass: env.FARM_S3_STORAGE_CLASS,
    checksums: env.FARM_S3_CHECKSUMS,
    tags: env.FARM_S3_TAGS,
    presignSeconds: env.FARM_S3_PRESIGN_SECONDS,
  });
}

function encryptionOf({
  FARM_S3_SSE: algorithm,
  FARM_S3_KMS_KEY: keyId,
}: StoreEnv): S3Encryption | undefined {
  return algorithm === "aws:kms" ? { algorithm, keyId } : algorithm && { algorithm };
}

/**
 * Makes the store that the settings name; nothing is asked of it yet. S3's client is read only where it is used: it
 * takes 0.4 s and 25 MB.
 * @param limits replace those of `S3_LIMITS`, for a process whose callers wait less long
 */
export async function createStore(
  settings: StoreSettings,
  limits: Partial<S3Limits> = {},
): Promise<ObjectStore> {
  if (settings.kind === "disk") return createDiskStore(settings.root);
  const { createS3Store } = await import("./s3/s3-store.js");
  return createS3Store(settings.s3, { limits });
}
