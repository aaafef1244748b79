import type { Finding } from "../source.js";

/** Words that say nothing about what a file holds. STYLE habit 1. */
const EMPTY_WORDS = /(^|[-./])(utils?|helpers?|common|managers?|misc|shared)(?=[-./]|$)/;

/** kebab-case, with a `.test` before the extension where it is a test. */
const FILE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config))?\.ts$/;

const FOLDER_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** Folder and file names that break kebab-case or are empty words. */
export function checkName(path: string): Finding[] {
  const parts = path.split("/");
  const file = parts.pop() ?? "";
  const found: Finding[] = [];
  if (!FILE_NAME.test(file)) found.push({ path, line: 1, message: `file name ${file} is not kebab-case` });
  for (const folder of parts) {
    if (!FOLDER_NAME.test(folder))
      found.push({ path, line: 1, message: `folder name ${folder} is not kebab-case` });
  }
  const word = EMPTY_WORDS.exec(path)?.[2];
  if (word !== undefined) found.push({ path, line: 1, message: `name says nothing: ${word}` });
  return found;
}
