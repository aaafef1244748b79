import { resolve } from "node:path";
import { FarmError, type JobRecord } from "@latentfarm/contract";
import { Command } from "commander";
import type { CommandContext } from "../context.js";
import { usageError } from "../failure.js";
import { parseWhole } from "./parse-option.js";

interface HistoryOptions {
  readonly limit: number;
  readonly tenant?: string;
  readonly json?: true;
  readonly data?: string;
}

/** Jobs that are shown unless more are asked for: a screen of them. */
const LIMIT_DEFAULT = 50;

/** `farm history`: the jobs that have ended, from the store alone: also when Redis is away or lost. */
export function historyCommand(context: CommandContext): Command {
  return new Command("history")
    .description("list jobs that have ended, newest first, from the store; Redis is not asked")
    .option("--limit <n>", "how many", parseWhole, LIMIT_DEFAULT)
    .option("--tenant <name>", "of one tenant")
    .option("--json", "print each job as a line of JSON, with its prompts")
    .option("--data <dir>", "the data folder of the farm (or FARM_DATA), unless FARM_STORE is s3")
    .action((options: HistoryOptions) => show(context, options));
}

async function show({ environment, terminal, cwd }: CommandContext, options: HistoryOptions): Promise<void> {
  if (options.limit < 1)
    throw usageError(`Cannot list jobs: --limit is ${options.limit}, it must be 1 or more`);
  const { createStore, listSidecars, readSidecar, storeSettingsOf } = await import("@latentfarm/storage");
  const dataDir = resolve(cwd, options.data ?? environment.dataDir);
  const store = await createStore(storeSettingsOf({ ...environment.farm, FARM_DATA: dataDir }));
  const ids = [];
  for await (const id of listSidecars(store)) ids.push(id);
  let shown = 0;
  // Ids begin with the time of their making.
  for (const id of ids.sort().reverse()) {
    if (shown >= options.limit) break;
    const job = await readSidecar(store, id).catch((error: unknown) => {
      if (!(error instanceof FarmError && error.code === "file_invalid")) throw error;
      terminal.err(`job ${id} is left out: its history cannot be read`);
      return undefined;
    });
    if (job === undefined || (options.tenant !== undefined && job.tenant !== options.tenant)) continue;
    terminal.out(options.json ? JSON.stringify(job) : describeJob(job));
    shown++;
  }
}

function describeJob({ id, tenant, status, finished_at: finishedAt, model, frames }: JobRecord): string {
  const pictures = frames.filter((frame) => frame.status === "succeeded").length;
  return [id, tenant, status, finishedAt ?? "-", model, `${pictures} of ${frames.length} pictures`].join(
    "  ",
  );
}
