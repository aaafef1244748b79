import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { Command } from "commander";
import type { CommandContext } from "../context.js";
import { usageError } from "../failure.js";
import { ROOT } from "../root.js";

/** `farm bench`: one program per benchmark, in a process of its own, so that its memory figures are its own. */
export function benchCommand(context: CommandContext): Command {
  return new Command("bench")
    .description("run a benchmark")
    .argument("<name>", "which one; a wrong name lists them")
    .argument("[arguments...]", "for the benchmark itself, such as --save; see test/load/README.md")
    .option("--json", "print the figures as JSON")
    .allowUnknownOption() // The benchmark knows its own options.
    .action((name: string, own: readonly string[], options: { readonly json?: true }) =>
      bench(context, name, [...own, ...(options.json ? ["--json"] : [])]),
    );
}

async function bench(
  { environment, cwd }: CommandContext,
  name: string,
  own: readonly string[],
): Promise<void> {
  const folder = join(ROOT, "test", "dist", "load");
  const names = existsSync(folder) ? readdirSync(folder).flatMap(benchName) : [];
  if (!names.includes(name)) {
    throw usageError(`Cannot run benchmark ${name}: known are ${names.join(", ") || "none"}`);
  }
  const args = [join(folder, `${name}.js`), ...own];
  const env = { ...environment.inherited, ...environment.passedOn };
  const child = spawn(process.execPath, args, { cwd, env, stdio: "inherit" });
  await once(child, "exit");
  process.exitCode = child.exitCode ?? 1;
}

function benchName(file: string): string[] {
  const name = basename(file, ".js");
  return file.endsWith(".js") && name !== "index" ? [name] : [];
}
