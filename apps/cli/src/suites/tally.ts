/** How many tests ended how. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** No test at all. */
export const NO_TESTS: Tally = { passed: 0, failed: 0, skipped: 0 };

/** The sum of tallies. */
export function addTallies(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (sum, one) => ({
      passed: sum.passed + one.passed,
      failed: sum.failed + one.failed,
      skipped: sum.skipped + one.skipped,
    }),
    NO_TESTS,
  );
}

/** The last line of a test run; skipped tests are named only when there are some. */
export function formatTally({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/**
 * Counts a report of vitest's JSON reporter. A file that could not even be loaded has no tests in the report, and an
 * error outside every test none either: each counts as one failure, so that a run which broke never looks green.
 */
export function tallyReport(report: unknown, exitStatus: number | null): Tally {
  const failedFiles = fieldOf(report, "testResults");
  const unloaded = Array.isArray(failedFiles) ? failedFiles.filter(failedToLoad).length : 0;
  const counted = {
    passed: countOf(report, "numPassedTests"),
    failed: countOf(report, "numFailedTests") + unloaded,
    skipped: countOf(report, "numPendingTests") + countOf(report, "numTodoTests"),
  };
  return exitStatus !== 0 && counted.failed === 0 ? { ...counted, failed: 1 } : counted;
}

function failedToLoad(file: unknown): boolean {
  const tests = fieldOf(file, "assertionResults");
  return fieldOf(file, "status") === "failed" && Array.isArray(tests) && tests.length === 0;
}

function countOf(report: unknown, field: string): number {
  const value = fieldOf(report, field);
  return typeof value === "number" ? value : 0;
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.entries(value).find(([key]) => key === field)?.[1]
    : undefined;
}
