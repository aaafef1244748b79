import { readFile } from "node:fs/promises";
import path from "node:path";
import { REPOSITORY_ROOT } from "../../harness/index.js";
import type { Machine } from "../measure/machine.js";
import { formatAims } from "./aims.js";
import type { PartResult } from "./parts.js";

/** A part's figures with where they are from: parts can be measured at different times. */
export interface StoredPart extends PartResult {
  readonly machine: Machine;
}

/** Parts by name. */
export type StoredParts = Readonly<Record<string, StoredPart>>;

/** The parts that are stored; none when nothing is. */
export async function readStoredParts(): Promise<StoredParts> {
  const file = path.join(REPOSITORY_ROOT, "test", "load", "results", "queue.json");
  try {
    // Our own file, written by `--save`.
    return (JSON.parse(await readFile(file, "utf8")) as { parts: StoredParts }).parts;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw error;
  }
}

/** All parts for people, in the given order, the aims before them. */
export function formatParts(parts: StoredParts, order: readonly string[]): string {
  const present = order.flatMap((name) => {
    const part = parts[name];
    return part === undefined ? [] : [{ name, part }];
  });
  const aims = present.flatMap(({ part }) => part.aims);
  return [
    ...(aims.length > 0 ? ["## Aims", formatAims(aims)] : []),
    ...present.flatMap(({ name, part }) => [`## ${name}`, describe(part.machine), part.markdown]),
  ].join("\n\n");
}

function describe({ date, commit, loadBefore }: Machine): string {
  return `Measured ${date.slice(0, 16).replace("T", " ")} UTC at commit ${commit}, load ${loadBefore} before.`;
}
