import { expect, test } from "vitest";
import { addTallies, formatTally, tallyReport } from "./tally.js";

const report = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 2, numTodoTests: 1, testResults: [] };

test("tallyReport() counts what vitest reports", () => {
  expect(tallyReport(report, 0)).toEqual({ passed: 5, failed: 0, skipped: 3 });
  expect(tallyReport({ ...report, numFailedTests: 2 }, 1)).toEqual({ passed: 5, failed: 2, skipped: 3 });
});

test("tallyReport() counts a file that could not be loaded as a failure", () => {
  const testResults = [
    { status: "failed", assertionResults: [] },
    { status: "passed", assertionResults: [{}] },
  ];
  expect(tallyReport({ ...report, testResults }, 1).failed).toBe(1);
});

test("tallyReport() counts a run that broke outside every test, or left no report, as a failure", () => {
  expect(tallyReport(report, 1).failed).toBe(1);
  expect(tallyReport(undefined, null)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(tallyReport(undefined, 137).failed).toBe(1);
});

test("formatTally() names skipped tests only when there are some", () => {
  const some = { passed: 2, failed: 1, skipped: 0 };
  expect(formatTally(some)).toBe("2 passed, 1 failed");
  expect(formatTally(addTallies([some, { passed: 1, failed: 0, skipped: 4 }]))).toBe(
    "3 passed, 1 failed, 4 skipped",
  );
});
