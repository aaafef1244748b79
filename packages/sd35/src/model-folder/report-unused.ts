import { unusedTensors } from "../weights/unused-tensors.js";
import { ALL_IN_ONE_PREFIXES, type ChosenFile, type FileChoice } from "./choose-files.js";
import { FILE_ROLES } from "./model-folder.js";

/** Tensors named in a note; the others are counted. */
const TENSORS_SHOWN = 5;

/**
 * Says which tensors of the chosen files no graph reads: a sign of a file that is not what it seems. Call it after the
 * graphs are built. A part of a checkpoint that is taken from another file is told elsewhere.
 */
export function reportUnused(chosen: FileChoice["chosen"]): readonly string[] {
  const files = new Map<string, ChosenFile>();
  for (const part of Object.values(chosen)) files.set(part.file.path, part);
  return [...files.values()].flatMap(({ file, source }) => {
    const elsewhere = FILE_ROLES.flatMap((role) => {
      const part = chosen[role];
      return part && part.file.path !== file.path ? [ALL_IN_ONE_PREFIXES[role]] : [];
    });
    const unused = unusedTensors(source).filter((key) => !elsewhere.some((prefix) => key.startsWith(prefix)));
    if (unused.length === 0) return [];
    const shown = unused.slice(0, TENSORS_SHOWN).map((key) => JSON.stringify(key));
    return [
      `number of tensors of ${file.path} that nothing reads is ${unused.length}, such as ${shown.join(", ")}`,
    ];
  });
}
