import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { type Manifest, parseManifests } from "./manifest.js";

/** What the last release rendered, one file for each shipped value set. */
export const PREVIOUS: string = path.join(REPOSITORY_ROOT, "test", "helm", "previous");

/** The rendering of a value set by the last release; undefined for a set that is younger. */
export function readPrevious(name: string): readonly Manifest[] | undefined {
  const file = path.join(PREVIOUS, `${name}.yaml`);
  return existsSync(file) ? parseManifests(readFileSync(file, "utf8")) : undefined;
}
