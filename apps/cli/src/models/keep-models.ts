import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FarmError } from "@latentfarm/contract";
import type { CommandContext } from "../context.js";
import { EXIT } from "../failure.js";
import { onInterrupt } from "../interrupt.js";
import { formatBytes } from "./format-bytes.js";
import { createPullReport } from "./pull-report.js";

/** What `farm models pull` was asked for. */
export interface PullCommand {
  readonly url: string;
  readonly dir: string;
  readonly connections: number;
  readonly partMib: number;
  readonly replace: boolean;
  readonly evict: boolean;
  readonly hold: boolean;
}

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
/** Others read what this user writes: workers may run as another one. */
const UMASK = 0o022;

/** `farm models pull`: brings a model folder from a bucket, and with `hold` stays to mark it as used. */
export async function pullModelFolder(context: CommandContext, command: PullCommand): Promise<void> {
  const { holdModel, openModelSource, parseModelUrl, placeOf, pullModel } = await import(
    "@latentfarm/storage/model-cache"
  );
  const { terminal, cwd, environment } = context;
  const { FARM_MODELS_S3_REGION, FARM_MODELS_S3_ENDPOINT, FARM_MODELS_S3_PATH_STYLE } = environment.farm;
  const source = openModelSource({
    ...parseModelUrl(command.url),
    region: FARM_MODELS_S3_REGION,
    endpoint: FARM_MODELS_S3_ENDPOINT,
    pathStyle: FARM_MODELS_S3_PATH_STYLE,
  });
  const place = placeOf(resolve(cwd, command.dir));
  process.umask(UMASK);
  await interruptible(async (signal) => {
    const report = createPullReport(terminal, Date.now);
    const { connections, replace, evict } = command;
    const partBytes = command.partMib * MIB;
    const begin = performance.now();
    try {
      const outcome = await pullModel({
        source,
        dir: place.modelDir,
        connections,
        partBytes,
        replace,
        evict,
        signal,
        events: report,
        nowMs: Date.now,
      });
      report.stop();
      const seconds = (performance.now() - begin) / MS_PER_SECOND;
      report.say({ model: place.name, outcome, seconds }, `model is there: ${outcome}`);
      terminal.out(place.modelDir);
    } finally {
      report.stop();
    }
    if (!command.hold) return;
    await using _hold = await holdModel(place);
    report.say({ model: place.name }, "model is held until this process is told to stop");
    await untilAborted(signal);
  });
}

const MS_PER_SECOND = 1_000;

/** `farm models sums`: writes the checksums that a pull compares with. */
export async function writeModelSums(context: CommandContext, dir: string): Promise<void> {
  const { writeSums } = await import("@latentfarm/storage/model-cache");
  const { terminal, cwd } = context;
  await interruptible((signal) =>
    writeSums(resolve(cwd, dir), {
      signal,
      onFile: ({ path, sha256 }) => terminal.out(`${sha256}  ${path}`),
    }),
  );
}

/** `farm models verify`: compares a model folder with its checksums. */
export async function verifyModelFolder(context: CommandContext, dir: string): Promise<void> {
  const { verifyModel } = await import("@latentfarm/storage/model-cache");
  const { terminal, cwd } = context;
  await interruptible(async (signal) => {
    let [files, wrong] = [0, 0];
    for await (const { path, outcome } of verifyModel(resolve(cwd, dir), signal)) {
      files++;
      if (outcome !== "ok") wrong++;
      terminal.out(`${path}: ${outcome}`);
    }
    terminal.out(
      wrong === 0 ? `${files} files give their checksums` : `${wrong} of ${files} files are wrong`,
    );
    if (wrong > 0) process.exitCode = EXIT.failed;
  });
}

/** `farm models prune`: removes pulled models that nobody uses until so many GiB are free. */
export async function pruneModelCache(
  context: CommandContext,
  cache: string,
  options: { readonly keepFreeGib: number; readonly isDryRun: boolean },
): Promise<void> {
  const { pruneModels } = await import("@latentfarm/storage/model-cache");
  const { terminal, cwd } = context;
  const { keepFreeGib, isDryRun } = options;
  await interruptible(async (signal) => {
    const freeBytes = keepFreeGib * GIB;
    const pruned = pruneModels({ cacheDir: resolve(cwd, cache), freeBytes, isDryRun, signal });
    let [models, bytes] = [0, 0];
    for await (const model of pruned) {
      models++;
      bytes += model.bytes;
      terminal.out(`${model.name}  ${formatBytes(model.bytes)}`);
    }
    terminal.out(`${models} models ${isDryRun ? "would be removed" : "removed"}, ${formatBytes(bytes)}`);
  });
}

/** Runs a work that Ctrl-C and SIGTERM end in order. */
async function interruptible(work: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const stop = new AbortController();
  const stopped = new FarmError("canceled", "stopped; what is done so far is kept");
  using _interrupt = onInterrupt(() => stop.abort(stopped));
  await work(stop.signal);
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  // A signal alone does not keep the process; the longest timer does, some weeks at a time.
  while (!signal.aborted) await delay(TIMER_MS_MAX, undefined, { signal }).catch(() => undefined);
}

/** Milliseconds of Node's longest timer. */
const TIMER_MS_MAX = 2 ** 31 - 1;
