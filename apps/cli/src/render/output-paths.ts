import { existsSync, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve, sep } from "node:path";
import type { OutputFormat } from "@latentfarm/contract";
import { usageError } from "../failure.js";

/** Where the pictures of one call go. */
export interface OutputPlan {
  readonly format: OutputFormat;
  /** The file of a frame; `seed` names it when the caller gave no name. */
  picturePath(index: number, seed: string): string;
  /** The contact sheet, when there are several pictures. */
  sheetPath(seed: string): string;
}

/** What the caller said about the output. */
export interface OutputWishes {
  readonly prompt: string;
  readonly output: string | undefined;
  readonly format: OutputFormat | undefined;
  /** The format when neither `format` nor the file's name says one; PNG when absent. */
  readonly formatDefault?: OutputFormat | undefined;
  readonly count: number;
  readonly cwd: string;
}

const FORMAT_OF_EXTENSION: ReadonlyMap<string, OutputFormat> = new Map([
  [".png", "png"],
  [".jpg", "jpeg"],
  [".jpeg", "jpeg"],
  [".webp", "webp"],
]);

/** Characters of a file name that is made out of a prompt: readable in a listing. */
const SLUG_CHARS_MAX = 48;

/**
 * Decides the files before anything is drawn, so that a wrong name costs nothing.
 * @throws {FarmError} invalid_request the folder does not exist, or the name and the format disagree
 */
export function planOutput(wishes: OutputWishes): OutputPlan {
  const { output, cwd, count } = wishes;
  const path = output === undefined ? undefined : resolve(cwd, output);
  const isFolder = path !== undefined && (output?.endsWith(sep) || isDirectory(path));
  const folder = path === undefined ? cwd : isFolder ? path : dirname(path);
  if (!isDirectory(folder)) throw usageError(`Cannot write as ${output}: folder ${folder} does not exist`);
  const extension = path === undefined || isFolder ? "" : extname(path);
  const format = formatOf(wishes, extension);
  const ending = extension === "" ? `.${format}` : extension;
  const named = path === undefined || isFolder ? undefined : basename(path, extension);
  const stem = (seed: string) => named ?? `${slugOf(wishes.prompt)}-${seed}`;
  return {
    format,
    picturePath(index, seed) {
      const suffix = named !== undefined && count > 1 ? `-${index}` : "";
      return join(folder, `${stem(seed)}${suffix}${ending}`);
    },
    sheetPath: (seed) => join(folder, `${stem(seed)}-sheet.png`),
  };
}

/** A prompt as part of a file name: its letters and digits in lower case, joined by hyphens. */
export function slugOf(prompt: string): string {
  const slug = prompt
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\p{M}+/gu, "")
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "");
  const cut = [...slug].slice(0, SLUG_CHARS_MAX).join("").replace(/-+$/, "");
  return cut === "" ? "picture" : cut;
}

function formatOf(wishes: OutputWishes, extension: string): OutputFormat {
  const named = FORMAT_OF_EXTENSION.get(extension.toLowerCase());
  if (extension !== "" && named === undefined) {
    const known = [...FORMAT_OF_EXTENSION.keys()].join(", ");
    throw usageError(`Cannot write as ${wishes.output}: extension is ${extension}, known are ${known}`);
  }
  if (named !== undefined && wishes.format !== undefined && named !== wishes.format) {
    throw usageError(`Cannot write as ${wishes.output}: --format is ${wishes.format}`);
  }
  return wishes.format ?? named ?? wishes.formatDefault ?? "png";
}

function isDirectory(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}
