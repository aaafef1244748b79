import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSource, type Source } from "./source.js";

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Folders that hold nothing of ours to judge: modules, build output, run-time data, checkpoint files. */
const SKIPPED_FOLDERS: ReadonlySet<string> = new Set([
  "node_modules",
  "dist",
  ".turbo",
  ".farm",
  ".git",
  "model",
]);

/** One workspace of the tree: an app or a package, or the `test` folder. */
export interface Workspace {
  readonly folder: string;
  readonly name: string;
  /** Every dependency named in its package.json, development ones included. */
  readonly dependencies: readonly string[];
}

/** All TypeScript files under the given folders of the root, parsed, in a stable order. */
export function readSources(folders: readonly string[] = ["apps", "packages", "test"]): Source[] {
  return folders
    .flatMap((folder) => listFiles(join(ROOT, folder)))
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
    .map((path) => parseSource(relative(ROOT, path).split(sep).join("/"), readFileSync(path, "utf8")));
}

/** Every app and package with its manifest. */
export function readWorkspaces(): Workspace[] {
  return ["apps", "packages"].flatMap((group) =>
    readdirSync(join(ROOT, group), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name))
      .map((entry) => readWorkspace(`${group}/${entry.name}`)),
  );
}

/** Every file below a folder of the root, as paths relative to the root. */
export function listTree(folder: string): string[] {
  return listFiles(join(ROOT, folder)).map((path) => relative(ROOT, path).split(sep).join("/"));
}

function readWorkspace(folder: string): Workspace {
  const manifest: unknown = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8"));
  const field = (name: string): Record<string, unknown> => {
    const value = isRecord(manifest) ? manifest[name] : undefined;
    return isRecord(value) ? value : {};
  };
  const name = isRecord(manifest) ? String(manifest.name) : folder;
  return {
    folder,
    name,
    dependencies: ["dependencies", "devDependencies"].flatMap((key) => Object.keys(field(key))),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return SKIPPED_FOLDERS.has(entry.name) ? [] : listFiles(path);
      return [path];
    });
}
