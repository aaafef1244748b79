import { createLearnedCaps, type LearnedCaps, type LearnedCapsOptions } from "./learned-caps.js";
import { loadTable, saveTable, type TablePlace } from "./table-file.js";

/** Learned caps that outlive the process. */
export interface KeptCaps {
  readonly caps: LearnedCaps;
  /** To be called after each batch: begins to save the table when a cap changed. */
  readonly afterBatch: () => void;
  /** Saves what was learnt since; resolves when it is written. */
  close(): Promise<void>;
}

/** Goes on from the table at a place, or learns for this process alone without one. */
export async function openCaps(options: LearnedCapsOptions, given?: TablePlace): Promise<KeptCaps> {
  const place = given && { ...given, warn: warnOnce(given.warn) };
  const saved = place === undefined ? undefined : await loadTable(place);
  const caps = createLearnedCaps({ ...options, ...(saved !== undefined && { saved }) });
  let savedChanges = caps.changes;
  let saving: Promise<void> = Promise.resolve();

  function save(): void {
    if (place === undefined) return;
    savedChanges = caps.changes;
    saving = saving.then(() => saveTable(place, caps.table()));
  }

  return {
    caps,
    afterBatch: () => {
      if (caps.changes !== savedChanges) save();
    },
    close: async () => {
      // The medians move without a change of caps: the last word is written too, where anything was learnt.
      if (Object.keys(caps.table()).length > 0) save();
      await saving;
    },
  };
}

/** Drops a sentence that was told before: a table that cannot be saved is tried again after each change of a cap. */
function warnOnce(warn: TablePlace["warn"]): TablePlace["warn"] {
  const told = new Set<string>();
  return (text) => {
    if (told.has(text)) return;
    told.add(text);
    warn(text);
  };
}
