import { createHash } from "node:crypto";
import type { FrameResult } from "@latentfarm/contract";
import { createDiskStore, type NewObjectInfo, type ObjectStore } from "@latentfarm/storage";
import type { Logger } from "@latentfarm/telemetry";
import { findStoredResult } from "../stored-result.js";

/**
 * What the spool of one machine holds at most. Frames that wait hold their places in the worker, so that it grows by
 * no more than `FARM_WORKER_CONCURRENCY` pictures in one outage; the limits are for what outages and crashes leave.
 */
export const SPOOL_LIMITS = Object.freeze({
  /** 500 pictures of 2 MB: less than any disk that holds a checkpoint has to spare. */
  bytesMax: 1_073_741_824,
  /** Twice the frames that a worker may have in flight. */
  filesMax: 512,
});

/** Labels of the spool's own, beside those of the picture. */
const KEY_LABEL = "spool_key";
const TENANT_LABEL = "spool_tenant";
/** The one folder of the spool. */
const FOLDER = "pictures";

/** How much lies in a spool. */
export interface SpoolFill {
  readonly files: number;
  /** Bytes. */
  readonly bytes: number;
  readonly isFull: boolean;
}

/** A picture as it would go into the store. */
export interface SpooledPicture {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly info: NewObjectInfo;
}

/** What a worker's pictures wait in for a store that is away. */
export interface PictureSpool {
  /** Keeps a picture; false when there is no room or the disk refuses. Never rejects. */
  keep(picture: SpooledPicture): Promise<boolean>;
  /** The result of a picture that waits here and was drawn from these parameters. Never rejects. */
  find(
    key: string,
    paramsHash: string,
  ): Promise<{ result: FrameResult; picture: SpooledPicture } | undefined>;
  /** Lets go of a picture. Never rejects. */
  drop(key: string): Promise<void>;
  /** The keys in the store of all pictures that wait. Never rejects. */
  waiting(): Promise<readonly string[]>;
  /** Reads a picture; undefined when it is gone or damaged. Never rejects. */
  read(key: string): Promise<SpooledPicture | undefined>;
  /** How much lies here now, by a look at the disk: other workers of this machine use the same folder. */
  fill(): Promise<SpoolFill>;
}

/** How a spool is made. */
export interface SpoolOptions {
  /** Its folder; that of a worker which has crashed is found by the next one. */
  readonly root: string;
  readonly log: Pick<Logger, "warn">;
  readonly limits?: { readonly bytesMax: number; readonly filesMax: number };
}

/**
 * A spool in a folder: the disk store with the pictures' own labels, so that what is found here is checked as what is
 * found in the store. It outlives the worker. A disk that fails costs the second chance and never the frame.
 */
export function createPictureSpool({ root, log, limits = SPOOL_LIMITS }: SpoolOptions): PictureSpool {
  const disk = createDiskStore(root);
  const orElse = async <Value>(key: string, otherwise: Value, work: Promise<Value>): Promise<Value> =>
    work.catch((error: unknown) => {
      log.warn({ key, err: error }, "spool fails");
      return otherwise;
    });
  const fill = async (): Promise<SpoolFill> => {
    let [files, bytes] = [0, 0];
    for await (const { size } of disk.list(FOLDER)) {
      files++;
      bytes += size;
    }
    return { files, bytes, isFull: files >= limits.filesMax || bytes >= limits.bytesMax };
  };
  const read = (key: string) => orElse(key, undefined, readPicture(disk, key));
  return {
    keep: (picture) =>
      orElse(
        picture.key,
        false,
        fill().then(async ({ isFull }) => {
          if (!isFull) await writePicture(disk, picture);
          return !isFull;
        }),
      ),
    async find(key, paramsHash) {
      const name = nameOf(key);
      const result = await orElse(key, undefined, findStoredResult(disk, name, paramsHash));
      const picture = result && (await read(key));
      return result && picture && { result, picture };
    },
    drop: (key) => orElse(key, undefined, disk.delete(nameOf(key))),
    waiting: () => orElse(FOLDER, [], listKeys(disk)),
    read,
    fill: () => orElse(FOLDER, { files: 0, bytes: 0, isFull: false }, fill()),
  };
}

/** One name per key, in one folder, so that no folders stay behind. */
function nameOf(key: string): string {
  return `${FOLDER}/${createHash("sha256").update(key).digest("hex")}`;
}

async function writePicture(disk: ObjectStore, { key, bytes, info }: SpooledPicture): Promise<void> {
  const { tenant } = info.tags ?? {};
  const own = { [KEY_LABEL]: key, ...(tenant !== undefined && { [TENANT_LABEL]: tenant }) };
  await disk.put(nameOf(key), bytes, {
    contentType: info.contentType,
    metadata: { ...info.metadata, ...own },
  });
}

async function readPicture(disk: ObjectStore, key: string): Promise<SpooledPicture | undefined> {
  const object = await disk.get(nameOf(key));
  if (object === undefined) return undefined;
  const { [KEY_LABEL]: _key, [TENANT_LABEL]: tenant, ...metadata } = object.metadata;
  const info = { contentType: object.contentType, metadata };
  return { key, bytes: object.bytes, info: tenant === undefined ? info : { ...info, tags: { tenant } } };
}

async function listKeys(disk: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key: name } of disk.list(FOLDER)) {
    const key = (await disk.head(name))?.metadata[KEY_LABEL];
    if (key !== undefined && nameOf(key) === name) keys.push(key);
  }
  return keys;
}
