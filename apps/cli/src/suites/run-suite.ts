import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Suite } from "./suites.js";
import { addTallies, type Tally, tallyReport } from "./tally.js";

/** What a suite runs in. */
export interface SuiteRun {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The static checks, each counted as one test. */
const CHECKS: readonly (readonly string[])[] = [
  ["node_modules/typescript/bin/tsc", "-p", "tsconfig.tests.json"],
  ["node_modules/@biomejs/biome/bin/biome", "check", "."],
];

/** Runs a suite with its output shown, and counts. */
export function runSuite(suite: Suite, run: SuiteRun): Tally {
  return suite.folders.length === 0 ? runChecks(run) : runVitest(suite, run);
}

function runChecks(run: SuiteRun): Tally {
  return addTallies(
    CHECKS.map((args) => {
      const ok = runNode(args, run) === 0;
      return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
    }),
  );
}

function runVitest(suite: Suite, run: SuiteRun): Tally {
  const folder = mkdtempSync(join(tmpdir(), "farm-test-"));
  const reportPath = join(folder, "report.json");
  try {
    const status = runNode(
      [
        "node_modules/vitest/vitest.mjs",
        "run",
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${reportPath}`,
        ...(suite.oneFileAtATime ? ["--no-file-parallelism"] : []),
        // Whole paths with a slash: a bare word would match anywhere in a path.
        ...suite.folders.map((name) => `${join(run.root, name)}/`),
      ],
      run,
    );
    return tallyReport(readReport(reportPath), status);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function runNode(args: readonly string[], run: SuiteRun): number | null {
  return spawnSync(process.execPath, args, { cwd: run.root, env: run.env, stdio: "inherit" }).status;
}
