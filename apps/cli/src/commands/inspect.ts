import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command } from "commander";
import type { CommandContext } from "../context.js";
import { usageError } from "../failure.js";
import { formatPicture } from "../pictures/format-picture.js";
import { readPicture } from "../pictures/read-picture.js";

interface InspectCommandOptions {
  readonly json?: true;
  readonly trust?: string;
}

/** `farm inspect`: what a picture tells of how it was drawn. */
export function inspectCommand(context: CommandContext): Command {
  return new Command("inspect")
    .description("tell how a picture was drawn: ours, ComfyUI's and AUTOMATIC1111's, as PNG, JPEG or WebP")
    .argument("<file>", "picture")
    .option("--json", "print as JSON")
    .option("--trust <file>", "PEM certificates of authorities whose signatures are trusted")
    .action(async (file: string, options: InspectCommandOptions) => {
      const authorities = options.trust === undefined ? undefined : await readPem(context.cwd, options.trust);
      const facts = await readPicture(context.cwd, file, { authorities });
      context.terminal.out(options.json === true ? JSON.stringify(facts) : formatPicture(file, facts));
    });
}

function readPem(cwd: string, file: string): Promise<string> {
  return readFile(resolve(cwd, file), "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw usageError(`Cannot read ${file} as certificates: ${cause.code ?? cause.message}`);
  });
}
