import type { FarmEnv } from "@latentfarm/contract";

/** How bytes are protected on their way: a checksum of a kind, or only where S3 itself asks for one. */
export type S3Checksums = FarmEnv["FARM_S3_CHECKSUMS"];

/** How a bucket encrypts what it keeps; the key is the account's default when `keyId` is absent. */
export type S3Encryption =
  | { readonly algorithm: "AES256" }
  | { readonly algorithm: "aws:kms"; readonly keyId: string | undefined };

/** A storage class that answers at once; the archives, which take hours, are no place for pictures. */
export type S3StorageClass = NonNullable<FarmEnv["FARM_S3_STORAGE_CLASS"]>;

/** Which bucket, and how it is used. Credentials are none of it: the SDK finds them by its own chain. */
export interface S3Settings {
  readonly bucket: string;
  /** Left to the SDK's own chain (AWS_REGION, profile) when absent. */
  readonly region: string | undefined;
  /** The server's URL; AWS's own when absent. */
  readonly endpoint: string | undefined;
  /** The URL that signed URLs name, where readers reach the server by another one than `endpoint`. */
  readonly publicEndpoint: string | undefined;
  /** Stands before every key: empty, or ends with a slash. */
  readonly prefix: string;
  /** True puts the bucket into the path instead of the host name, as most servers but AWS want it. */
  readonly pathStyle: boolean;
  readonly encryption: S3Encryption | undefined;
  /** The bucket's default when absent. */
  readonly storageClass: S3StorageClass | undefined;
  readonly checksums: S3Checksums;
  /** True writes an object's tags, which needs the permission s3:PutObjectTagging. */
  readonly tags: boolean;
  /** Seconds that a signed URL is good for. */
  readonly presignSeconds: number;
}

/** Milliseconds and counts that bound each call; tests have shorter ones. */
export interface S3Limits {
  /** Tries of one request. */
  readonly attemptsMax: number;
  /** For a connection to stand. */
  readonly connectMs: number;
  /** For a request until its answer begins. */
  readonly answerMs: number;
  /** For a socket on which nothing moves. */
  readonly idleMs: number;
  /** For one call with all its tries. */
  readonly callMs: number;
  /** For a put of the identity to land; see `identifyS3Store()`. */
  readonly settleMs: number;
}

/** The limits of a farm. */
export const S3_LIMITS: S3Limits = Object.freeze({
  /** The SDK's own figure: what three tries over some seconds do not mend is an outage, and a frame waits for that. */
  attemptsMax: 3,
  /** A handshake takes 0.3 s around the world; beyond 5 s the packets are lost. */
  connectMs: 5_000,
  /** 50 MB, a large picture without compression, on a line of 20 Mbit/s. */
  answerMs: 30_000,
  /** No store is silent for so long in the middle of an object. */
  idleMs: 15_000,
  /** Three tries of `answerMs` with the pauses between them. */
  callMs: 100_000,
  /** 36 bytes land within 0.1 s; only the first start on a new bucket of a server without conditions waits for it. */
  settleMs: 3_000,
});
