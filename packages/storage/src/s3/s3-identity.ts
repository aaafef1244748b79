import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { GetObjectCommand, PutObjectCommand, S3ServiceException } from "@aws-sdk/client-s3";
import { FarmError } from "@latentfarm/contract";
import type { StoreIdentity } from "../object-store.js";
import { type Bucket, objectName, putSettings } from "./s3-bucket.js";
import { createS3Client } from "./s3-client.js";
import { isS3Absent, s3Status, toS3StartError } from "./s3-error.js";

/** No key can name it, since it starts with a dot. */
const ID_NAME = ".store-id";
const CALL = { action: "identify", key: "store-id" };

const HTTP_CONFLICT = 409;
const HTTP_PRECONDITION_FAILED = 412;
const HTTP_NOT_IMPLEMENTED = 501;

/**
 * The identity of a store in a bucket: a random id in it, made once. No two processes need the server's help for that:
 * who finds none writes its own, waits until the put of everybody else who found none has landed as well, and takes
 * what lies there then. A server that refuses the second put of an id honours conditions; then nothing can follow,
 * and nobody waits.
 * @throws {FarmError} config_invalid; store_unavailable
 */
export async function identifyS3Store(bucket: Bucket): Promise<StoreIdentity> {
  const { endpoint, bucket: name, prefix } = bucket.settings;
  try {
    const id = (await readId(bucket)) ?? (await makeId(bucket));
    return { id, place: `${endpoint ?? "s3:/"}/${name}/${prefix}` };
  } catch (error) {
    throw toS3StartError(CALL, error);
  }
}

async function readId({ client, settings, limits }: Bucket): Promise<string | undefined> {
  const command = new GetObjectCommand(objectName({ settings }, ID_NAME));
  try {
    const { Body: body } = await client.send(command, { abortSignal: AbortSignal.timeout(limits.callMs) });
    const id = await body?.transformToString();
    return id === "" ? undefined : id;
  } catch (error) {
    if (isS3Absent(error)) return undefined;
    throw error;
  }
}

async function makeId(bucket: Bucket): Promise<string> {
  const { settleMs } = bucket.limits;
  const write = createWriter(bucket, randomUUID());
  const isGuarded = (await write()) === "taken" || (await write()) === "taken";
  // Twice: another's put may be sent at the end of its own look, and land that long after.
  if (!isGuarded) await delay(2 * settleMs);
  const id = await readId(bucket);
  if (id !== undefined) return id;
  throw new FarmError("store_unavailable", "Cannot identify the store as its id is gone again: id is absent");
}

/**
 * Writes an id on the condition that none lies there: one try within `settleMs`, since a later one could replace an id
 * that others go by. `taken` says that the server knows conditions and one lies there; `written` may have replaced
 * one, since some servers ignore the condition or do not know it.
 */
function createWriter({ settings, limits }: Bucket, id: string): () => Promise<"written" | "taken"> {
  const { settleMs } = limits;
  const once = createS3Client(settings, { ...limits, attemptsMax: 1, answerMs: settleMs });
  const put = async (condition: { IfNoneMatch?: "*" }): Promise<"written"> => {
    const command = new PutObjectCommand({
      ...objectName({ settings }, ID_NAME),
      ...putSettings(settings),
      Body: Buffer.from(id),
      ContentType: "text/plain",
      ...condition,
    });
    await once.send(command, { abortSignal: AbortSignal.timeout(settleMs) });
    return "written";
  };
  return async () => {
    try {
      return await put({ IfNoneMatch: "*" });
    } catch (error) {
      const status = error instanceof S3ServiceException ? s3Status(error) : undefined;
      if (status === HTTP_PRECONDITION_FAILED || status === HTTP_CONFLICT) return "taken";
      if (status === HTTP_NOT_IMPLEMENTED) return put({});
      throw error;
    }
  };
}
