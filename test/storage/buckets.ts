import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ObjectStore, S3Settings } from "@latentfarm/storage";
import { createS3Store, type S3Overrides } from "@latentfarm/storage/s3";
import { afterAll, beforeAll } from "vitest";
import { findS3Server, S3_CREDENTIALS, type S3Server, startS3Server } from "../harness/index.js";

/** Tries and waits of a test: short enough to see each run out. */
export const TEST_LIMITS: NonNullable<S3Overrides["limits"]> = {
  connectMs: 500,
  answerMs: 1_000,
  idleMs: 1_000,
  callMs: 5_000,
  settleMs: 300,
};

/** Buckets of a test file's own. */
export interface Buckets {
  /** True where no S3 server is installed. */
  readonly isMissing: boolean;
  /** The server, once the tests run. */
  readonly server: () => S3Server;
  /** Settings of a fresh, empty bucket. */
  newBucket(changes?: Partial<S3Settings>): Promise<S3Settings>;
  /** A store in a fresh, empty bucket. */
  newStore(changes?: Partial<S3Settings>): Promise<ObjectStore>;
}

/** Starts an S3 server for the tests of a file, and ends it after them. */
export function useBuckets(): Buckets {
  const program = findS3Server();
  let dir: string;
  let server: S3Server | undefined;
  let buckets = 0;
  beforeAll(async () => {
    if (program === undefined) return;
    Object.assign(process.env, S3_CREDENTIALS);
    dir = await mkdtemp(path.join(tmpdir(), "latentfarm-s3-"));
    server = await startS3Server(program, dir);
  });
  afterAll(async () => {
    if (server === undefined) return;
    await server[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });
  const running = (): S3Server => {
    if (server === undefined) throw new Error("the S3 server does not run");
    return server;
  };
  const newBucket: Buckets["newBucket"] = async (changes) => {
    const bucket = `bucket-${buckets++}`;
    await running().makeBucket(bucket);
    return { ...settingsOf(bucket, running().endpoint), ...changes };
  };
  return {
    isMissing: program === undefined,
    server: running,
    newBucket,
    newStore: async (changes) => createS3Store(await newBucket(changes), { limits: TEST_LIMITS }),
  };
}

/** The least settings of a bucket on a server of this machine. */
export function settingsOf(bucket: string, endpoint: string): S3Settings {
  return {
    bucket,
    region: "us-east-1",
    endpoint,
    publicEndpoint: undefined,
    prefix: "",
    pathStyle: true,
    encryption: undefined,
    storageClass: undefined,
    checksums: "sha256",
    tags: true,
    presignSeconds: 60,
  };
}
