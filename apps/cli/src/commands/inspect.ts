import { Command } from "commander";
import type { CommandContext } from "../context.js";
import { formatPicture } from "../pictures/format-picture.js";
import { readPicture } from "../pictures/read-picture.js";

/** `farm inspect`: what a picture tells of how it was drawn. */
export function inspectCommand(context: CommandContext): Command {
  return new Command("inspect")
    .description("tell how a picture was drawn: ours, ComfyUI's and AUTOMATIC1111's, as PNG, JPEG or WebP")
    .argument("<file>", "picture")
    .option("--json", "print as JSON")
    .action(async (file: string, options: { readonly json?: true }) => {
      const facts = await readPicture(context.cwd, file);
      context.terminal.out(options.json === true ? JSON.stringify(facts) : formatPicture(file, facts));
    });
}
