import { posix } from "node:path";
import { type Finding, findingAt, isSyntaxNode, isTest, type Source, walk } from "../source.js";
import type { Workspace } from "../tree.js";
import { describeLayer, ENTRY_POINTS, layerOf, mayImport, THIRD_PARTY_OWNERS } from "./layers.js";

/** One import or re-export of a file. */
export interface Import {
  readonly specifier: string;
  readonly start: number;
}

const SCOPE = "@latentfarm/";

/** Tools that the root package.json gives to every workspace. */
const TOOLS: ReadonlySet<string> = new Set(["vitest"]);

/** Every static import, re-export and literal dynamic import of a file, types included. */
export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  walk(source.program, (node) => {
    const from = node.source;
    if (!/^(Import|ExportNamed|ExportAll)/.test(node.type) || !isSyntaxNode(from)) return;
    const specifier = from.value;
    if (typeof specifier === "string") found.push({ specifier, start: node.start });
  });
  return found;
}

/** The app or package that a path belongs to (`packages/queue` -> `queue`), else undefined. */
export function workspaceOf(path: string): string | undefined {
  return /^(?:apps|packages)\/([^/]+)\//.exec(path)?.[1];
}

/** The direction of arrows, the owners of third parties, and the fence around each package. */
export function checkImports(source: Source): Finding[] {
  const own = workspaceOf(source.path);
  return importsOf(source).flatMap(({ specifier, start }) => {
    const message = specifier.startsWith(".")
      ? checkRelative(source.path, specifier)
      : specifier.startsWith(SCOPE)
        ? checkPackage(source, own, specifier)
        : checkThirdParty(source, own, specifier);
    return message === undefined ? [] : [findingAt(source, start, message)];
  });
}

/** Imports of packages that the workspace's own package.json does not name: they resolve by luck of hoisting. */
export function checkDeclared(source: Source, workspaces: readonly Workspace[]): Finding[] {
  const workspace = workspaces.find(({ folder }) => source.path.startsWith(`${folder}/`));
  if (!workspace) return [];
  return importsOf(source)
    .filter(({ specifier }) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
    .filter(({ specifier }) => !TOOLS.has(packageName(specifier)))
    .filter(({ specifier }) => !workspace.dependencies.includes(packageName(specifier)))
    .map(({ specifier, start }) =>
      findingAt(source, start, `${packageName(specifier)} is not in ${workspace.folder}/package.json`),
    );
}

/** The files of the tree that a file imports by a relative path. */
export function relativeTargets(source: Source | undefined, tree: ReadonlyMap<string, unknown>): string[] {
  if (!source) return [];
  return importsOf(source)
    .filter(({ specifier }) => specifier.startsWith("."))
    .map(({ specifier }) => resolveRelative(source.path, specifier))
    .filter((path) => tree.has(path));
}

function resolveRelative(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier).replace(/\.js$/, ".ts");
}

function checkRelative(path: string, specifier: string): string | undefined {
  if (!/\.(js|json)$/.test(specifier)) return `relative import ${specifier} does not end in .js`;
  const target = resolveRelative(path, specifier);
  const own = path
    .split("/")
    .slice(0, path.startsWith("test/") ? 1 : 2)
    .join("/");
  return target.startsWith(`${own}/`) ? undefined : `import ${specifier} reaches past the package's exports`;
}

function checkPackage(source: Source, own: string | undefined, specifier: string): string | undefined {
  const [name = "", ...rest] = specifier.slice(SCOPE.length).split("/");
  if (rest.length > 0 && !ENTRY_POINTS.has([name, ...rest].join("/")))
    return `import ${specifier} reaches past the package's exports`;
  if (own === undefined) return undefined;
  if (own === name) return `package ${own} imports itself by name`;
  const from = layerOf(source.path);
  const to = layerOf(name);
  if (from === undefined || to === undefined)
    return `package ${from === undefined ? own : name} has no layer`;
  return mayImport(from, to) ? undefined : `${describeLayer(own, from)} imports ${describeLayer(name, to)}`;
}

function checkThirdParty(source: Source, own: string | undefined, specifier: string): string | undefined {
  const owners = THIRD_PARTY_OWNERS.get(packageName(specifier));
  if (owners === undefined || own === undefined || isTest(source.path)) return undefined;
  return owners.includes(own) ? undefined : `${packageName(specifier)} is used only in ${owners.join(", ")}`;
}

function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
