import { resolve } from "node:path";
import { Argument, Command } from "commander";
import type { CommandContext } from "../context.js";
import { EXIT } from "../failure.js";
import { formatInspection } from "../models/format-inspection.js";
import {
  pruneModelCache,
  pullModelFolder,
  verifyModelFolder,
  writeModelSums,
} from "../models/keep-models.js";
import { SYNTH_NAMES, writeSynthModel } from "../models/write-synth-model.js";
import { parseWithin } from "./parse-option.js";

/** `farm models`: what a model folder holds, the cache of models on a node, and synthetic ones for measurements. */
export function modelsCommand(context: CommandContext): Command {
  const models = new Command("models").description("look at model folders");
  models
    .command("inspect")
    .description("tell what a model folder holds, whether it can run, and why not")
    .argument("<dir>", "model folder")
    .option("--json", "print as JSON")
    .action((dir: string, options: { readonly json?: true }) => inspect(context, dir, options.json === true));
  models
    .command("synth")
    .description("write a checkpoint with true shapes and random FP8 weights, to measure load and memory")
    .addArgument(new Argument("<arch>", "architecture").choices(SYNTH_NAMES))
    .argument("<dir>", "model folder to write into; made when absent")
    .option("--text-encoders", "write CLIP-L, CLIP-G and T5-XXL as well")
    .option("--seed <text>", "the same seed gives the same weights", "0")
    .action((arch: string, dir: string, options: { readonly textEncoders?: true; readonly seed: string }) =>
      writeSynthModel({
        architecture: arch,
        dir: resolve(context.cwd, dir),
        textEncoders: options.textEncoders === true,
        seed: options.seed,
        log: context.terminal.err,
      }),
    );
  addCacheCommands(models, context);
  return models;
}

interface PullOptions {
  readonly connections: number;
  readonly partMib: number;
  readonly replace?: true;
  readonly evict?: true;
  readonly hold?: true;
}

/** The commands that keep a cache of models on a node; see docs/models.md. */
function addCacheCommands(models: Command, context: CommandContext): void {
  models
    .command("pull")
    .description("bring a model folder from a bucket, whole and checked, or go on with it")
    .argument("<url>", "s3://BUCKET/PREFIX, where the model's files and their SHA256SUMS lie")
    .argument("<dir>", "model folder; the folder above it holds all models")
    .option("--connections <n>", "pieces that are fetched at once, 1..64", parseWithin(1, 64), 16)
    .option("--part-mib <n>", "MiB of a piece, 5..1024", parseWithin(5, 1024), 32)
    .option("--replace", "take the place of a model of other checksums")
    .option("--evict", "remove models that nobody uses when the disk is short")
    .option("--hold", "stay afterwards and mark the model as used, until SIGTERM")
    .action((url: string, dir: string, { replace, evict, hold, ...options }: PullOptions) =>
      pullModelFolder(context, {
        url,
        dir,
        ...options,
        replace: replace === true,
        evict: evict === true,
        hold: hold === true,
      }),
    );
  models
    .command("sums")
    .description("write the checksums of a model folder, SHA256SUMS, which a pull compares with")
    .argument("<dir>", "model folder")
    .action((dir: string) => writeModelSums(context, dir));
  models
    .command("verify")
    .description("compare a model folder with its checksums")
    .argument("<dir>", "model folder")
    .action((dir: string) => verifyModelFolder(context, dir));
  models
    .command("prune")
    .description("remove pulled models that nobody uses, the longest unused first")
    .argument("<cache>", "folder of all models")
    .requiredOption("--keep-free <gib>", "GiB that are to be free", parseWithin(1, 1_000_000))
    .option("--dry-run", "tell what would go, and remove nothing")
    .action((cache: string, options: { readonly keepFree: number; readonly dryRun?: true }) =>
      pruneModelCache(context, cache, {
        keepFreeGib: options.keepFree,
        isDryRun: options.dryRun === true,
      }),
    );
}

async function inspect({ terminal, cwd }: CommandContext, dir: string, json: boolean): Promise<void> {
  // The model tower is loaded by the commands that need it, not by every call.
  const { inspectModelFolder } = await import("@latentfarm/sd35");
  const inspection = inspectModelFolder(resolve(cwd, dir));
  terminal.out(json ? JSON.stringify(inspection) : formatInspection(inspection));
  if (!inspection.runnable) process.exitCode = EXIT.failed;
}
