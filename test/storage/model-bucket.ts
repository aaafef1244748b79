import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ObjectStore } from "@latentfarm/storage";
import {
  type FetchLimits,
  openModelSource,
  type PullEvents,
  type PullOptions,
  pullModel,
  SUMS_FILE,
} from "@latentfarm/storage/model-cache";
import { vi } from "vitest";

/** Waits of a test: short enough to see each run out. */
export const FETCH_TEST_LIMITS: FetchLimits = { triesMax: 4, pauseMs: 1, pauseMsMax: 4, idleMs: 300 };
/** As short as a loaded machine allows: a beat that is late by `staleMs` loses its lock. */
const TIMES = { beatMs: 50, staleMs: 1_500, pollMs: 20 };
/** Bytes of a piece. */
export const PART_BYTES = 256 * 1024;
const PREFIX = "models/sd35";

/** A model in a bucket, with what its files are. */
export interface BucketModel {
  readonly files: ReadonlyMap<string, Buffer>;
  /** Puts a file, and its checksum unless it is to be wrong. */
  put(name: string, bytes: Buffer, sums?: "right" | "wrong"): Promise<void>;
}

/** Puts a model of some small files and one of `bytes` into a bucket, with its checksums. */
export async function putModel(store: ObjectStore, bytes: number): Promise<BucketModel> {
  const files = new Map<string, Buffer>();
  const info = { contentType: "application/octet-stream", metadata: {} };
  const putSums = (changed: ReadonlyMap<string, Buffer>) => {
    const lines = [...changed].map(([name, content]) => `${sha256(content)}  ${name}\n`);
    return store.put(`${PREFIX}/${SUMS_FILE}`, Buffer.from(lines.join("")), info);
  };
  const put: BucketModel["put"] = async (name, content, sums = "right") => {
    files.set(name, content);
    await store.put(`${PREFIX}/${name}`, content, info);
    if (sums === "right") await putSums(files);
  };
  await put("checkpoints/sd35.safetensors", randomBytes(bytes));
  await put("text_encoders/clip_l.safetensors", randomBytes(PART_BYTES));
  await put("tokenizer/vocab.json", Buffer.from("{}"));
  await put("tokenizer/merges.txt", Buffer.alloc(0));
  return { files, put };
}

/** Hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A folder of models of a test's own. */
export async function newCache(): Promise<{ readonly dir: string } & AsyncDisposable> {
  const dir = await mkdtemp(path.join(tmpdir(), "latentfarm-models-"));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

/** Where a test's model is pulled from. */
export interface PullPlace {
  readonly bucket: string;
  readonly endpoint: string;
  readonly cache: string;
}

/** What a pull has told. */
export type Told = { readonly [Name in keyof PullEvents]: ReturnType<typeof vi.fn<PullEvents[Name]>> };

/** Pulls the model of a bucket within this process. */
export async function pull(
  { bucket, endpoint, cache }: PullPlace,
  changes: Partial<PullOptions> = {},
): Promise<{ readonly outcome: string; readonly told: Told }> {
  const told: Told = {
    onProgress: vi.fn(),
    onVerified: vi.fn(),
    onTrouble: vi.fn(),
    onWait: vi.fn(),
    onUnchecked: vi.fn(),
    onPruned: vi.fn(),
  };
  const settings = { bucket, prefix: `${PREFIX}/`, region: "us-east-1", endpoint, pathStyle: true };
  const limits = { attemptsMax: 1, connectMs: 500, answerMs: 2_000, idleMs: 2_000, callMs: 10_000 };
  const outcome = await pullModel({
    source: openModelSource(settings, limits),
    dir: path.join(cache, "sd35"),
    connections: 4,
    partBytes: PART_BYTES,
    replace: false,
    evict: false,
    signal: new AbortController().signal,
    events: told,
    limits: FETCH_TEST_LIMITS,
    times: TIMES,
    nowMs: Date.now,
    ...changes,
  });
  return { outcome, told };
}

/** The URL of the model for the command line. */
export function modelUrl(bucket: string): string {
  return `s3://${bucket}/${PREFIX}`;
}
