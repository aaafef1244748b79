import { runJob } from "../../harness/index.js";
import { listDescendants, type ProcessMemory, watchMemory } from "../measure/process-memory.js";
import { formatTable, megabytes } from "../measure/report.js";
import { benchFrame } from "./frame.js";

/** The processes of a farm that this one has started: which is which, by a part of its command line. */
export const FARM_PROCESSES: ReadonlyMap<string, string> = new Map([
  ["engine", "engine/dist/child"],
  ["worker", "apps/worker/dist"],
  ["gateway", "apps/gateway/dist"],
  ["Redis", "-server"],
]);

/** As many rows as a batch has. */
const PICTURES_TOGETHER = 16;

/** Passes with all pictures: memory that grows with each would show. */
const PASSES = 3;

/** One process while pictures are drawn. */
export interface FarmMemoryFigures {
  readonly name: string;
  readonly memory: ProcessMemory;
}

/** Draws pictures together and watches the processes that this one has started. */
export async function measureFarmMemory(farmUrl: string): Promise<FarmMemoryFigures[]> {
  const running = listDescendants(process.pid);
  const watches = [...FARM_PROCESSES].map(([name, part]) => {
    const found = running.find(({ command }) => command.includes(part));
    if (found === undefined) throw new Error(`Cannot watch the ${name}: no process runs ${part}`);
    return { name, watch: watchMemory(found.pid, "draw") };
  });
  for (let pass = 0; pass < PASSES; pass++) {
    await runJob(farmUrl, { ...benchFrame(), num_images: PICTURES_TOGETHER });
  }
  return watches.flatMap(({ name, watch }) => watch.stop().map(({ memory }) => ({ name, memory })));
}

/** The figures as a table for people. */
export function formatFarmMemory(figures: readonly FarmMemoryFigures[]): string {
  return formatTable(
    ["process", "private peak", "mapped peak", "resident peak"],
    figures.map(({ name, memory }) => [
      name,
      megabytes(memory.privateBytes),
      megabytes(memory.mappedBytes),
      megabytes(memory.residentPeakBytes),
    ]),
  );
}
