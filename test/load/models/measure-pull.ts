import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { openModelSource, pullModel, verifyModel, writeSums } from "@latentfarm/storage/model-cache";
import { createS3Store } from "@latentfarm/storage/s3";
import { findS3Server, S3_CREDENTIALS, type S3Server, startS3Server } from "../../harness/index.js";
import { type Summary, summarize } from "../measure/summary.js";
import { openSlowLine } from "./slow-line.js";

const MIB = 1024 * 1024;
const BYTES_PER_MB = 1e6;
const MS_PER_SECOND = 1_000;
const PART_BYTES = 32 * MIB;
const BUCKET = "models";
const FILE = "big.safetensors";
/** What each connection gets on the slow line, and the file and the pieces that are pulled over it. */
export const LINE_BYTES_PER_SECOND: number = 8 * BYTES_PER_MB;
const LINE_FILE_BYTES = 160 * MIB;
const LINE_PART_BYTES = 5 * MIB;
/** Milliseconds between two looks at the memory. */
const LOOK_MS = 20;

/** Connections that are compared; the command's default is the last. */
export const CONNECTIONS = [1, 4, 16] as const;

/** Megabytes a second of each way, and the memory of a pull. */
export interface PullFigures {
  readonly bytes: number;
  /** One GET that is written to a file, unchecked: what a pull is compared with. */
  readonly plainGet: Summary;
  /** The same, and then the file's hash, as a script would do it. */
  readonly plainGetAndHash: Summary;
  /** A whole pull with its checksums, by connections. */
  readonly pulls: readonly {
    readonly connections: number;
    readonly speed: Summary;
    readonly rssPeakBytes: number;
  }[];
  /** Hashing alone. */
  readonly hash: Summary;
  /** Milliseconds of a pull that finds the model there. */
  readonly presentMs: Summary;
  /** Pulls over a line that gives each connection `LINE_BYTES_PER_SECOND`. */
  readonly line: readonly { readonly connections: number; readonly megabytesPerSecond: number }[];
}

interface Bench {
  readonly server: S3Server;
  readonly dir: string;
  readonly bytes: number;
}

/** Measures all ways in turns, on an S3 server of this machine. */
export async function measurePull(options: {
  readonly mib: number;
  readonly turns: number;
  readonly dir: string | undefined;
}): Promise<PullFigures> {
  const program = findS3Server();
  if (program === undefined)
    throw new Error("Cannot measure a pull: versitygw is not installed (./farm test storage installs it)");
  Object.assign(process.env, S3_CREDENTIALS);
  const dir = await mkdtemp(path.join(options.dir ?? tmpdir(), "latentfarm-pull-"));
  const server = await startS3Server(program, dir);
  try {
    const bench = { server, dir, bytes: options.mib * MIB };
    await writeModel(bench, "m", bench.bytes);
    await writeModel(bench, "line", LINE_FILE_BYTES);
    return { ...(await takeTurns(bench, options.turns)), line: await pullOverLine(bench) };
  } finally {
    await server[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  }
}

/** A model of one large file, put into the server's folder. */
async function writeModel({ server }: Bench, name: string, bytes: number): Promise<void> {
  await server.makeBucket(BUCKET);
  const folder = path.join(server.folderOf(BUCKET), name);
  await mkdir(folder, { recursive: true });
  const block = randomBytes(PART_BYTES);
  const file = await open(path.join(folder, FILE), "w");
  for (let at = 0; at < bytes; at += PART_BYTES) await file.write(block, 0, Math.min(PART_BYTES, bytes - at));
  await file.close();
  await writeSums(folder, { signal: new AbortController().signal });
}

async function pullOverLine(bench: Bench): Promise<PullFigures["line"]> {
  await using line = await openSlowLine(bench.server.port, LINE_BYTES_PER_SECOND);
  const measured = [];
  for (const connections of CONNECTIONS) {
    const cache = path.join(bench.dir, `line-${connections}`);
    const from = { endpoint: line.endpoint, name: "line", partBytes: LINE_PART_BYTES };
    const ms = await timed(() => pull(from, cache, connections));
    measured.push({ connections, megabytesPerSecond: LINE_FILE_BYTES / BYTES_PER_MB / (ms / MS_PER_SECOND) });
  }
  return measured;
}

async function takeTurns(bench: Bench, turns: number): Promise<Omit<PullFigures, "line">> {
  const { bytes } = bench;
  const from = { endpoint: bench.server.endpoint, name: "m", partBytes: PART_BYTES };
  const speeds = new Map<string, number[]>();
  const rss = new Map<number, number>();
  const presentMs: number[] = [];
  const add = (name: string, ms: number) =>
    speeds.set(name, [...(speeds.get(name) ?? []), bytes / BYTES_PER_MB / (ms / MS_PER_SECOND)]);
  for (let turn = 0; turn < turns; turn++) {
    const plain = path.join(bench.dir, "plain");
    const getMs = await timed(() => plainGet(bench, plain));
    const hashMs = await timed(() => hashWhole(plain));
    await rm(plain);
    add("get", getMs);
    add("getAndHash", getMs + hashMs);
    for (const connections of CONNECTIONS) {
      const cache = path.join(bench.dir, `cache-${connections}`);
      const begun = process.memoryUsage.rss();
      let peak = begun;
      const looking = setInterval(() => {
        peak = Math.max(peak, process.memoryUsage.rss());
      }, LOOK_MS);
      add(`pull ${connections}`, await timed(() => pull(from, cache, connections)));
      clearInterval(looking);
      rss.set(connections, Math.max(rss.get(connections) ?? 0, peak - begun));
      presentMs.push(await timed(() => pull(from, cache, connections)));
      add("hash", await timed(() => verify(path.join(cache, "m"))));
      await rm(cache, { recursive: true });
    }
  }
  const speedOf = (name: string) => summarize(speeds.get(name) ?? []);
  return {
    bytes,
    plainGet: speedOf("get"),
    plainGetAndHash: speedOf("getAndHash"),
    pulls: CONNECTIONS.map((connections) => ({
      connections,
      speed: speedOf(`pull ${connections}`),
      rssPeakBytes: rss.get(connections) ?? 0,
    })),
    hash: speedOf("hash"),
    presentMs: summarize(presentMs),
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

async function plainGet({ server }: Bench, to: string): Promise<void> {
  const settings = {
    bucket: BUCKET,
    region: "us-east-1",
    endpoint: server.endpoint,
    publicEndpoint: undefined,
    prefix: "",
    pathStyle: true,
    encryption: undefined,
    storageClass: undefined,
    checksums: "required",
    tags: false,
    presignSeconds: 600,
  } as const;
  const { url } = (await createS3Store(settings).sign(`m/${FILE}`, { disposition: "inline" })) ?? {};
  if (url === undefined) throw new Error("the store signs nothing");
  const [answer]: IncomingMessage[] = await once(get(url), "response");
  if (answer?.statusCode !== 200) throw new Error(`a plain GET is answered ${answer?.statusCode}`);
  await pipeline(answer, createWriteStream(to));
}

async function hashWhole(file: string): Promise<void> {
  const hash = createHash("sha256");
  const opened = await open(file);
  for await (const chunk of opened.createReadStream({ highWaterMark: MIB })) hash.update(chunk);
  hash.digest();
}

async function verify(dir: string): Promise<void> {
  for await (const { outcome } of verifyModel(dir, new AbortController().signal)) {
    if (outcome !== "ok") throw new Error("a pulled file does not give its checksum");
  }
}

interface PullFrom {
  readonly endpoint: string;
  readonly name: string;
  readonly partBytes: number;
}

async function pull(
  { endpoint, name, partBytes }: PullFrom,
  cache: string,
  connections: number,
): Promise<void> {
  const nothing = () => undefined;
  const settings = { bucket: BUCKET, prefix: `${name}/`, region: "us-east-1", endpoint, pathStyle: true };
  await mkdir(cache, { recursive: true });
  await pullModel({
    source: openModelSource(settings),
    dir: path.join(cache, "m"),
    connections,
    partBytes,
    replace: false,
    evict: false,
    signal: new AbortController().signal,
    events: {
      onProgress: nothing,
      onVerified: nothing,
      onTrouble: nothing,
      onWait: nothing,
      onUnchecked: nothing,
      onPruned: nothing,
    },
    nowMs: Date.now,
  });
}
