import { type Finding, isTest, type Source } from "../source.js";
import { relativeTargets } from "./imports.js";

/** Files that something outside the import graph starts: package entries, processes, benchmarks, generators. */
const ENTRIES: readonly RegExp[] = [
  /^(apps|packages)\/[^/]+\/src\/(.+\/)?index\.ts$/,
  /^(apps|packages)\/[^/]+\/src\/(.+\/)?main\.ts$/,
  /^test\/harness\/index\.ts$/,
  /^test\/load\/[^/]+\.ts$/,
  /^test\/[^/]+\/make-[^/]+\.ts$/,
];

/** Files outside tests that no entry reaches. A file that only its own test reaches is dead as well. */
export function findDeadFiles(sources: readonly Source[]): Finding[] {
  const tree = new Map(sources.map((source) => [source.path, source]));
  const isSuiteFile = (path: string) => /^test\/(?!load\/)/.test(path);
  const reached = reach(
    sources.filter(({ path }) => ENTRIES.some((entry) => entry.test(path))),
    tree,
  );
  const fromTests = reach(
    sources.filter(({ path }) => isTest(path)),
    tree,
  );
  return sources
    .filter(
      ({ path }) =>
        !isTest(path) && !reached.has(path) && !(isTestSupport(path, isSuiteFile) && fromTests.has(path)),
    )
    .map(({ path }) => ({ path, line: 1, message: "file is reached from no entry" }));
}

/** What tests alone may use: the files of a suite under test/, and fakes kept in a folder named `testing`. */
function isTestSupport(path: string, isSuiteFile: (path: string) => boolean): boolean {
  return isSuiteFile(path) || /\/src\/(.+\/)?testing\//.test(path);
}

function reach(entries: readonly Source[], tree: ReadonlyMap<string, Source>): Set<string> {
  const reached = new Set<string>();
  const open = entries.map(({ path }) => path);
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    open.push(...relativeTargets(tree.get(path), tree));
  }
  return reached;
}
