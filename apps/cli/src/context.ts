import type { Environment } from "./config/env.js";
import type { Terminal } from "./terminal.js";

/** What every command is given: where to speak, the environment, and the folder that relative paths refer to. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly environment: Environment;
  readonly cwd: string;
}
