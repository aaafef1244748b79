import type { FileHandle } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { FarmError } from "@latentfarm/contract";
import { toCacheError } from "./cache-layout.js";
import type { ModelSource, SourceRange } from "./model-source.js";

/** Times and counts of a fetch; tests have shorter ones. */
export interface FetchLimits {
  /** Tries in a row that bring not one byte; with the pauses below some two minutes of a source that is away. */
  readonly triesMax: number;
  /** Milliseconds before the second of them; doubles up to the second figure. */
  readonly pauseMs: number;
  readonly pauseMsMax: number;
  /** Milliseconds without a byte after which a connection counts as dead. */
  readonly idleMs: number;
}

/** The limits of a farm. */
export const FETCH_LIMITS: FetchLimits = Object.freeze({
  triesMax: 10,
  pauseMs: 500,
  pauseMsMax: 15_000,
  idleMs: 15_000,
});

/** Bytes that are gathered before they are written: with pieces of 64 KiB, as sockets bring them, the calls would count. */
const WRITE_BYTES = 1024 * 1024;

/** A piece that is to be fetched, and where its bytes go. */
export interface PartFetch {
  readonly source: ModelSource;
  readonly range: SourceRange;
  readonly file: FileHandle;
  readonly signal: AbortSignal;
  readonly limits: FetchLimits;
  /** Told of bytes as they are written. */
  readonly onBytes: (count: number) => void;
  /** Told of a try that failed and is made again. */
  readonly onRetry: (error: unknown) => void;
}

/**
 * Fetches one piece of a file to its place. A connection that breaks is taken up where it stopped; a source that brings
 * nothing is asked again, ever more slowly. Memory: 1 MiB and what a stream holds.
 * @throws {FarmError} file_invalid the file has changed; config_invalid, store_unavailable, file_unreadable
 */
export async function fetchPart(fetch: PartFetch): Promise<void> {
  const { range, limits, signal } = fetch;
  let begin = range.begin;
  let pauseMs = limits.pauseMs;
  for (let tries = 1; begin < range.end; ) {
    const onWritten = (count: number) => {
      begin += count;
      [tries, pauseMs] = [0, limits.pauseMs];
      fetch.onBytes(count);
    };
    try {
      await fetchOnce({ ...fetch, range: { ...range, begin } }, onWritten);
    } catch (error) {
      signal.throwIfAborted();
      if (!isPassing(error) || tries >= limits.triesMax) throw error;
      fetch.onRetry(error);
    }
    if (begin >= range.end) return;
    tries++;
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
    pauseMs = Math.min(2 * pauseMs, limits.pauseMsMax);
  }
}

/** True for what a later try may mend: the store's absence, and a stream that breaks, which is no FarmError. */
function isPassing(error: unknown): boolean {
  return !(error instanceof FarmError) || error.code === "store_unavailable";
}

async function fetchOnce(fetch: PartFetch, onWritten: (count: number) => void): Promise<void> {
  const { source, range, signal, limits } = fetch;
  const body = await source.read(range, signal);
  const idle = setTimeout(() => body.destroy(new Error("no byte came")), limits.idleMs);
  const write = createWriter(fetch, onWritten);
  try {
    // NOTE: a broken stream of the SDK's ends with an error of the socket's.
    for await (const chunk of body) {
      idle.refresh();
      if (!(chunk instanceof Uint8Array)) throw new TypeError("a body is bytes");
      await write.take(chunk);
      idle.refresh();
    }
  } catch (error) {
    // What has come is good: it is of the file that was asked for.
    await write.flush();
    throw isDiskError(error) ? error : brokenOff(range, error);
  } finally {
    clearTimeout(idle);
    body.destroy();
  }
  await write.flush();
}

function isDiskError(error: unknown): boolean {
  return error instanceof FarmError || error instanceof TypeError;
}

function brokenOff({ path }: SourceRange, cause: unknown): FarmError {
  const message = `Cannot read ${path} to its end as the connection broke off`;
  return new FarmError("store_unavailable", message, { cause });
}

/** Gathers bytes and writes them in their order. */
function createWriter(
  { file, range }: PartFetch,
  onWritten: (count: number) => void,
): { take(chunk: Uint8Array): Promise<void>; flush(): Promise<void> } {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  let position = range.begin;
  const flush = async () => {
    const [chunks, count] = [gathered, bytes];
    [gathered, bytes] = [[], 0];
    if (count === 0) return;
    await writeAll(file, { chunks, count, position, path: range.path });
    position += count;
    onWritten(count);
  };
  return {
    async take(chunk) {
      // A source that sends more than it was asked for must not reach into the next piece.
      if (position + bytes + chunk.length > range.end) {
        throw new FarmError(
          "store_unavailable",
          `Cannot read ${range.path} as its source sends too many bytes`,
        );
      }
      gathered.push(chunk);
      bytes += chunk.length;
      if (bytes >= WRITE_BYTES) await flush();
    },
    flush,
  };
}

async function writeAll(
  file: FileHandle,
  write: {
    readonly chunks: readonly Uint8Array[];
    readonly count: number;
    readonly position: number;
    readonly path: string;
  },
): Promise<void> {
  try {
    const { bytesWritten } = await file.writev([...write.chunks], write.position);
    if (bytesWritten === write.count) return;
    // A disk that is nearly full takes a part of it; the rest shows the error.
    const rest = Buffer.concat(write.chunks).subarray(bytesWritten);
    let done = 0;
    while (done < rest.length) {
      const { bytesWritten: more } = await file.write(
        rest,
        done,
        rest.length - done,
        write.position + bytesWritten + done,
      );
      done += more;
    }
  } catch (error) {
    throw toCacheError("write", write.path, error);
  }
}
