import { resolve } from "node:path";
import { isTerminal } from "@latentfarm/contract";
import { Command, InvalidArgumentError } from "commander";
import type { CommandContext } from "../context.js";
import { usageError } from "../failure.js";
import { openFarm } from "../keys/open-access.js";
import { formatBytes } from "../models/format-bytes.js";

interface GcOptions {
  readonly olderThan?: number;
  readonly tenant?: Readonly<Record<string, number>>;
  readonly dryRun?: true;
  readonly data?: string;
}

const MS_PER_HOUR = 3_600_000;
const HOURS_PER_DAY = 24;
/** Hours in a unit of an age. */
const UNITS: Readonly<Record<string, number>> = { h: 1, d: HOURS_PER_DAY };

/** `farm gc`: removes the pictures and the history of jobs that ended long ago. */
export function gcCommand(context: CommandContext): Command {
  return new Command("gc")
    .description("remove jobs that ended long ago, with their pictures; a bucket does so by its own rules")
    .option("--older-than <age>", "of every tenant that --tenant does not name, such as 30d or 12h", parseAge)
    .option("--tenant <name=age>", "of one tenant; may be given again", parseTenantAge)
    .option("--dry-run", "tell what would go, and remove nothing")
    .option("--data <dir>", "the data folder of the farm that runs here (or FARM_DATA)")
    .action((options: GcOptions) => collect(context, options));
}

/** An age such as `30d` or `12h` in milliseconds. */
export function parseAge(text: string): number {
  const [, count, unit = ""] = /^([1-9]\d{0,4})([hd])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError("It must be hours or days, such as 12h or 30d.");
  return Number(count) * (UNITS[unit] ?? 1) * MS_PER_HOUR;
}

function parseTenantAge(text: string, before: GcOptions["tenant"] = {}): Readonly<Record<string, number>> {
  const [, name, age = ""] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError("It must be a name and an age, such as acme=30d.");
  return { ...before, [name]: parseAge(age) };
}

async function collect(context: CommandContext, options: GcOptions): Promise<void> {
  const { environment, terminal, cwd } = context;
  const ages = new Map(Object.entries(options.tenant ?? {}));
  if (options.olderThan === undefined && ages.size === 0) {
    throw usageError("Cannot choose what to remove: give --older-than, such as 30d, or --tenant");
  }
  const dataDir = resolve(cwd, options.data ?? environment.dataDir);
  const { collectJobs, createStore, removeEmptyFolder, storeSettingsOf } = await import(
    "@latentfarm/storage"
  );
  const settings = storeSettingsOf({ ...environment.farm, FARM_DATA: dataDir });
  const store = await createStore(settings);
  // A job that ended may have been told to try again: only the queue knows.
  await using opened = await openFarm(context, options.data);
  const { farm } = opened;
  await farm.claimStore(await store.identify());
  const isDryRun = options.dryRun === true;
  const collected = collectJobs(store, {
    ageMsOf: (tenant) => ages.get(tenant) ?? options.olderThan,
    nowMs: Date.now(),
    isDryRun,
    isUnfinished: async (id) => {
      const job = await farm.getJob(id);
      return job !== undefined && !isTerminal(job.status);
    },
    onDamaged: (id) => terminal.err(`job ${id} stays: its history cannot be read`),
  });
  let [jobs, bytes] = [0, 0];
  for await (const job of collected) {
    jobs++;
    bytes += job.bytes;
    terminal.out(
      `${job.id}  ${job.tenant}  ended ${job.finishedAt}  ${job.objects} files, ${formatBytes(job.bytes)}`,
    );
    if (!isDryRun && settings.kind === "disk") await removeEmptyFolder(settings.root, job.id);
  }
  const verb = isDryRun ? "would be removed" : "removed";
  terminal.out(`${jobs} jobs ${verb}, ${formatBytes(bytes)}`);
}
