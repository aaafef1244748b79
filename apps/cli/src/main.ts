import { CommanderError } from "commander";
import { readEnvironment } from "./config/env.js";
import { describeFailure, EXIT, exitCodeOf } from "./failure.js";
import { createProgram } from "./program.js";
import { createTerminal } from "./terminal.js";

const terminal = createTerminal();
try {
  const program = createProgram({ terminal, environment: readEnvironment(), cwd: process.cwd() });
  await program.parseAsync(process.argv);
} catch (error) {
  // commander has printed its own message; its status 0 means that help or the version was asked for.
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  } else {
    terminal.err(describeFailure(error));
    process.exitCode = exitCodeOf(error);
  }
}
