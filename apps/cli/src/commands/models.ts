import { resolve } from "node:path";
import { Argument, Command } from "commander";
import type { CommandContext } from "../context.js";
import { EXIT } from "../failure.js";
import { formatInspection } from "../models/format-inspection.js";
import { SYNTH_NAMES, writeSynthModel } from "../models/write-synth-model.js";

/** `farm models`: what a model folder holds, and synthetic ones for measurements. */
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
  return models;
}

async function inspect({ terminal, cwd }: CommandContext, dir: string, json: boolean): Promise<void> {
  // The model tower is loaded by the commands that need it, not by every call.
  const { inspectModelFolder } = await import("@latentfarm/sd35");
  const inspection = inspectModelFolder(resolve(cwd, dir));
  terminal.out(json ? JSON.stringify(inspection) : formatInspection(inspection));
  if (!inspection.runnable) process.exitCode = EXIT.failed;
}
