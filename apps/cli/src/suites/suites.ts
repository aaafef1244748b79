import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ToolName } from "./tools.js";

/** A group of tests that can be run by name. */
export interface Suite {
  readonly name: string;
  /** Folders of test files under the root; none for the suite of static checks. */
  readonly folders: readonly string[];
  /** Programs that the suite means nothing without. */
  readonly needs: readonly ToolName[];
  /** Test files start farms of their own and measure time: side by side they would disturb each other. */
  readonly oneFileAtATime: boolean;
  /** Too long for a whole run: it runs only when it is asked for by name. */
  readonly onlyByName: boolean;
}

const suite = (name: string, folders: readonly string[], traits: Partial<Suite> = {}): Suite => ({
  name,
  folders,
  needs: [],
  oneFileAtATime: false,
  onlyByName: false,
  ...traits,
});

/** Every suite, cheapest first. */
export const SUITES: readonly Suite[] = [
  suite("check", []),
  suite("tidy", ["test/tidy"]),
  suite("unit", ["packages", "apps", "test/harness", "test/load", "test/dockerfile"]),
  suite("reference", ["test/reference"]),
  // All that the engine is judged by, but for a killed process that is gone on from: that needs a farm, in chaos.
  suite("engine", ["packages/engine", "packages/sampling", "test/reference", "test/engine"]),
  // The simulation of jobs too, which a whole run plays among the units.
  suite("queue", ["packages/queue/src/testing", "test/queue"], { needs: ["redis"], oneFileAtATime: true }),
  // The promises of every store, on disk and on an S3 server; then farms whose bucket fails.
  suite("storage", ["packages/storage", "test/storage"], {
    needs: ["redis", "s3"],
    oneFileAtATime: true,
  }),
  suite("e2e", ["test/e2e"], { needs: ["redis"], oneFileAtATime: true }),
  // A Prometheus scrapes a farm under load, and every dashboard and alert is evaluated on it.
  suite("metrics", ["test/metrics"], { needs: ["redis", "prometheus"], oneFileAtATime: true }),
  // The chart as an operator's helm renders it, for a matrix of values.
  suite("helm", ["test/helm"], { needs: ["helm", "helm-docs", "kubeconform", "prometheus", "redis"] }),
  // The compose files, and the processes of their containers wired as they say.
  suite("compose", ["test/compose"], {
    needs: ["redis", "s3", "prometheus", "composeLoader"],
    oneFileAtATime: true,
  }),
  // The images are built, looked at, and do the main job.
  suite("images", ["test/images"], { needs: ["redis", "containers", "hadolint"], oneFileAtATime: true }),
  suite("chaos", ["test/chaos"], { needs: ["redis"], oneFileAtATime: true }),
  // The chart applied to a real API server, whose build alone takes minutes.
  suite("cluster", ["test/cluster"], { needs: ["helm", "cluster"], oneFileAtATime: true, onlyByName: true }),
  suite("soak", ["test/soak"], { needs: ["redis"], oneFileAtATime: true, onlyByName: true }),
];

/** The suites of a whole run: a folder that lies in an earlier suite's is left out of the later one. */
export function wholeRun(suites: readonly Suite[] = SUITES): readonly Suite[] {
  const run = suites.filter(({ onlyByName }) => !onlyByName);
  return run.map((one, index) => {
    const earlier = run.slice(0, index).flatMap(({ folders }) => folders);
    const isCovered = (folder: string) => earlier.some((other) => `${folder}/`.startsWith(`${other}/`));
    return { ...one, folders: one.folders.filter((folder) => !isCovered(folder)) };
  });
}

/** True when a suite's folders hold at least one test file. */
export function hasTests(suite: Suite, root: string): boolean {
  return suite.folders.some((folder) => holdsTest(join(root, folder)));
}

function holdsTest(folder: string): boolean {
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { withFileTypes: true }).some((entry) => {
    if (entry.name === "node_modules" || entry.name === "dist") return false;
    return entry.isDirectory() ? holdsTest(join(folder, entry.name)) : entry.name.endsWith(".test.ts");
  });
}
