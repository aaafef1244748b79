import { createHash } from "node:crypto";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { assertKey } from "../keys.js";
import type {
  ListedObject,
  ObjectHead,
  ObjectStore,
  SignedAnswer,
  SignedUrl,
  StoredObject,
  StoreIdentity,
} from "../object-store.js";
import { companionKey, type HeadMetadata, parseLabels, unpackLabels } from "./object-labels.js";
import { type Bucket, callStore, objectName, putObject } from "./s3-bucket.js";
import { createS3Client } from "./s3-client.js";
import { isS3Absent } from "./s3-error.js";
import { identifyS3Store } from "./s3-identity.js";
import { listBucket } from "./s3-list.js";
import { S3_LIMITS, type S3Limits, type S3Settings } from "./s3-settings.js";

/** Times that an object is read whose bytes stop on the way: the SDK tries again only until an answer begins. */
const READS_MAX = 3;
const MS_PER_SECOND = 1_000;

/** What tests put in the place of the real thing. */
export interface S3Overrides {
  readonly limits?: Partial<S3Limits>;
  /** Milliseconds since 1970. */
  readonly nowMs?: () => number;
}

/**
 * An object store in a bucket of S3 or of a server that speaks its protocol. An object is one object of S3 under its
 * key; the SHA-256 of its bytes and its labels are metadata of that object, so that they change together with the
 * bytes and head() reads no byte. Nothing here rests on conditional requests, multipart uploads or checksums that the
 * server computes: servers differ in all three.
 */
export function createS3Store(settings: S3Settings, overrides: S3Overrides = {}): ObjectStore {
  const limits = { ...S3_LIMITS, ...overrides.limits };
  const bucket: Bucket = { client: createS3Client(settings, limits), settings, limits };
  const signer = createSigner(bucket);
  let identity: Promise<StoreIdentity> | undefined;
  return {
    async put(key, bytes, info) {
      assertKey(key);
      await putObject(bucket, { key, bytes, info });
    },
    async get(key) {
      assertKey(key);
      return readObject(bucket, key);
    },
    async head(key) {
      assertKey(key);
      return readHead(bucket, key);
    },
    identify() {
      identity ??= identifyS3Store(bucket).catch((error: unknown) => {
        identity = undefined;
        throw error;
      });
      return identity;
    },
    async delete(key) {
      assertKey(key);
      const command = new DeleteObjectCommand(objectName(bucket, key));
      await callStore(bucket, { action: "delete", key }, async (options) => {
        await bucket.client.send(command, options).catch(ignoreAbsent);
      });
    },
    list(folder): AsyncIterable<ListedObject> {
      assertKey(folder);
      return listBucket(bucket, folder);
    },
    async sign(key, answer) {
      assertKey(key);
      return signUrl(bucket, { signer, key, answer, nowMs: (overrides.nowMs ?? Date.now)() });
    },
  };
}

async function readHead(bucket: Bucket, key: string): Promise<ObjectHead | undefined> {
  const command = new HeadObjectCommand(objectName(bucket, key));
  const found = await callStore(bucket, { action: "read", key }, (options) =>
    bucket.client.send(command, options).catch(ignoreAbsent),
  );
  return found && describeObject(bucket, key, { ...found, size: found.ContentLength ?? 0 });
}

async function readObject(bucket: Bucket, key: string): Promise<StoredObject | undefined> {
  const found = await callStore(bucket, { action: "read", key }, async (options) => {
    for (let read = 1; ; read++) {
      const object = await bucket.client
        .send(new GetObjectCommand(objectName(bucket, key)), options)
        .catch(ignoreAbsent);
      if (object === undefined) return undefined;
      try {
        return { ...object, bytes: await bytesOf(object) };
      } catch (error) {
        if (read >= READS_MAX || options.abortSignal.aborted) throw error;
      }
    }
  });
  if (found === undefined) return undefined;
  const { bytes } = found;
  const head = await describeObject(bucket, key, { ...found, size: bytes.length });
  return head?.sha256 === createHash("sha256").update(bytes).digest("hex") ? { ...head, bytes } : undefined;
}

async function bytesOf({ Body: body }: GetObjectCommandOutput): Promise<Uint8Array> {
  return (await body?.transformToByteArray()) ?? new Uint8Array();
}

/** What an answer says of an object; undefined for one that no put of ours wrote, or whose labels are lost. */
async function describeObject(
  bucket: Bucket,
  key: string,
  answer: {
    readonly ContentType?: string | undefined;
    readonly Metadata?: Readonly<Record<string, string>> | undefined;
    readonly size: number;
  },
): Promise<ObjectHead | undefined> {
  const own = unpackLabels(answer.Metadata);
  if (own === undefined) return undefined;
  const metadata = await labelsOf(bucket, key, own.labels);
  if (metadata === undefined) return undefined;
  return { contentType: answer.ContentType ?? "", metadata, size: answer.size, sha256: own.sha256 };
}

async function labelsOf(
  bucket: Bucket,
  key: string,
  labels: HeadMetadata["labels"],
): Promise<Readonly<Record<string, string>> | undefined> {
  if (labels.kind === "here") return labels.labels;
  const companion = await readObject(bucket, companionKey(key, labels.sha256));
  return companion?.sha256 === labels.sha256 ? parseLabels(companion.bytes) : undefined;
}

/** A signature covers the host's name, so that a URL for readers must be signed for the name that they call. */
function createSigner({ client, settings, limits }: Bucket): S3Client {
  const { publicEndpoint } = settings;
  return publicEndpoint === undefined
    ? client
    : createS3Client({ ...settings, endpoint: publicEndpoint }, limits);
}

/** What is signed, by which client, and when. */
interface Signing {
  readonly signer: S3Client;
  readonly key: string;
  readonly answer: SignedAnswer;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

async function signUrl(bucket: Bucket, { signer, key, answer, nowMs }: Signing): Promise<SignedUrl> {
  const { presignSeconds } = bucket.settings;
  const command = new GetObjectCommand({
    ...objectName(bucket, key),
    ResponseContentDisposition: answer.disposition,
  });
  // S3 counts whole seconds: of the one that has begun, its beginning.
  const signedMs = Math.floor(nowMs / MS_PER_SECOND) * MS_PER_SECOND;
  // By the store's clock, as far as its answers have told it: a clock that is off would sign for another time.
  const storeMs = signedMs + bucket.client.config.systemClockOffset;
  const options = { expiresIn: presignSeconds, signingDate: new Date(storeMs) };
  const url = await callStore(bucket, { action: "sign", key }, () => getSignedUrl(signer, command, options));
  return { url, expiresMs: signedMs + presignSeconds * MS_PER_SECOND };
}

function ignoreAbsent(error: unknown): undefined {
  if (!isS3Absent(error)) throw error;
}
