import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import type { CapTable } from "./learned-caps.js";
import { formatTable, parseTable, TABLE_CHARS_MAX, type TableOwner } from "./table-format.js";

/** Where a process keeps its table of caps, and who hears when it cannot. */
export interface TablePlace {
  readonly dir: string;
  readonly owner: TableOwner;
  /** Takes a sentence for the log. */
  readonly warn: (text: string) => void;
}

/** Characters of the owner's hash in the file's name: 64 bits, so that two owners never share a file. */
const NAME_HASH_CHARS = 16;

/** The file of a device class and model. Its name need not be read: the file says what it belongs to. */
export function tablePath({ dir, owner }: TablePlace): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([owner.device, owner.model]))
    .digest("hex");
  return join(dir, `batch-caps-${hash.slice(0, NAME_HASH_CHARS)}.json`);
}

/** Reads the table; undefined without one, and with a warning when it is not to be used. Never throws. */
export async function loadTable(place: TablePlace): Promise<CapTable | undefined> {
  const path = tablePath(place);
  try {
    // UTF-8 takes at most four bytes a character.
    const { size } = await stat(path);
    if (size > TABLE_CHARS_MAX * 4) {
      throw new FarmError("file_invalid", `Cannot read the batch caps as a table: size is ${size}`);
    }
    return parseTable(await readFile(path, "utf8"), place.owner);
  } catch (error) {
    if (!isMissing(error)) place.warn(`batch caps are learnt anew: ${path}: ${textOf(error)}`);
    return undefined;
  }
}

/**
 * Writes the table so that readers see the old or the new one, never a part. It is no loss when a power cut takes it:
 * it is learnt again. Never throws: a full disk is no reason to stop drawing.
 */
export async function saveTable(place: TablePlace, table: CapTable): Promise<void> {
  const path = tablePath(place);
  const partial = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(place.dir, { recursive: true });
    await writeFile(partial, formatTable(place.owner, table));
    await rename(partial, path);
  } catch (error) {
    place.warn(`batch caps cannot be saved: ${path}: ${textOf(error)}`);
    await rm(partial, { force: true }).catch(() => undefined);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
