import { FARM_VERSION } from "@latentfarm/contract";
import { Command } from "commander";
import { benchCommand } from "./commands/bench.js";
import { gcCommand } from "./commands/gc.js";
import { gpuCommand } from "./commands/gpu.js";
import { historyCommand } from "./commands/history.js";
import { inspectCommand } from "./commands/inspect.js";
import { keysCommand } from "./commands/keys.js";
import { modelsCommand } from "./commands/models.js";
import { renderCommand } from "./commands/render.js";
import { sizingCommand } from "./commands/sizing.js";
import { testCommand } from "./commands/test.js";
import { upCommand } from "./commands/up.js";
import type { CommandContext } from "./context.js";

/** The command line: one command per file, each thin; errors are thrown, so that one place decides the exit status. */
export function createProgram(context: CommandContext): Command {
  const program = new Command("farm")
    .description("A render farm for Stable Diffusion 3.5 FP8")
    .version(FARM_VERSION)
    .showHelpAfterError("(farm COMMAND --help tells more)");
  const commands = [
    renderCommand,
    inspectCommand,
    upCommand,
    keysCommand,
    modelsCommand,
    gpuCommand,
    sizingCommand,
    historyCommand,
    gcCommand,
    benchCommand,
    testCommand,
  ].map((make) => make(context));
  for (const command of commands) program.addCommand(command);
  for (const command of [program, ...commands, ...commands.flatMap((parent) => parent.commands)]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => context.terminal.out(text.trimEnd()),
      writeErr: (text) => context.terminal.err(text.trimEnd()),
    });
  }
  return program;
}
