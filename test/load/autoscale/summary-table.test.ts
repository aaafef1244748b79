import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { REPOSITORY_ROOT } from "../../harness/index.js";
import { figuresOf } from "./format-studies.js";
import { runCase, STUDIES } from "./studies.js";
import { formatSummary, replaceSummary, type StoredCase } from "./summary-table.js";

const FIGURES = path.join(REPOSITORY_ROOT, "test", "load", "results", "autoscale.json");
const PAGE = path.join(REPOSITORY_ROOT, "docs", "autoscaling.md");

/** Five days take three seconds of one core, which others may want. */
const PLAY_MS_MAX = 120_000;

/** What the benchmark stored; its form is the benchmark's own. */
function readFigures(): {
  seeds: number[];
  cases: StoredCase[];
  claims: { holds: boolean }[];
  witnesses: { isSame: boolean }[];
} {
  return JSON.parse(readFileSync(FIGURES, "utf8"));
}

describe("the page on autoscaling", () => {
  it("has the table of the stored figures", () => {
    const page = readFileSync(PAGE, "utf8");
    expect(replaceSummary(page, formatSummary(readFigures().cases))).toBe(page);
  });

  it("shows when a figure is another", () => {
    const page = readFileSync(PAGE, "utf8");
    const cases = readFigures().cases.map((one) => ({ ...one, onTime: { mean: 0.5, sd: 0 } }));
    expect(replaceSummary(page, formatSummary(cases))).not.toBe(page);
  });

  it("is backed by figures whose claims hold, on days that production's scripts played alike", () => {
    const { claims, witnesses } = readFigures();
    expect(claims.length).toBeGreaterThan(5);
    expect(claims.every(({ holds }) => holds)).toBe(true);
    expect(witnesses.map(({ isSame }) => isSame)).toEqual([true, true]);
  });

  it(
    "is backed by figures that this very code gives, as far as one case tells",
    async () => {
      const [study] = STUDIES;
      const [first] = study?.cases ?? [];
      if (study === undefined || first === undefined) throw new RangeError("Cannot play: there is no case");
      const { cases, seeds } = readFigures();
      const played = { study: study.name, case: first, reports: await runCase(first, seeds) };
      expect(figuresOf(played, [played])).toEqual(cases[0]);
    },
    PLAY_MS_MAX,
  );

  it("refuses figures that lack a case", () => {
    expect(() => formatSummary([])).toThrow(/not played/);
  });
});
