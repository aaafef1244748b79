import { describe, expect, it } from "vitest";
import type { DayReport } from "./day-report.js";
import { STUDIES, type StudyCase, type StudyResult } from "./studies.js";
import { differencesOf, judgeStudies, spreadOf } from "./study-verdict.js";

const REPORT: DayReport = {
  backlogP50: 0,
  backlogP95: 0,
  backlogMax: 0,
  highP50: 0,
  highP95: 0,
  highP99: 0,
  normalP50: 0,
  normalP95: 0,
  largeHours: 0,
  onTime: 0.9,
  gpuHours: 100,
  dollars: 50,
  wastedShare: 0,
  interruptions: 0,
  pods: 0,
  changes: 0,
  reversals: 0,
  replicasMax: 0,
};

/** What the studies come to if each case came to this. */
function resultsOf(make: (one: StudyCase, study: string) => Partial<DayReport>): StudyResult[] {
  return STUDIES.flatMap(({ name, cases }) =>
    cases.map((one) => ({ study: name, case: one, reports: [{ ...REPORT, ...make(one, name) }] })),
  );
}

/** A world in which all that the page says is so. */
function asClaimed(one: StudyCase): Partial<DayReport> {
  if (one.name === "fixed 12") return { dollars: 140, onTime: 0.9 };
  if (one.name.startsWith("16 frames")) return { onTime: 0.7 };
  if (one.name.startsWith("frames") || one.line === "GPU use") return { onTime: 0.85 };
  if (one.name.endsWith("begin anew")) return { wastedShare: 0.01 };
  return {};
}

const broken = (make: Parameters<typeof resultsOf>[0]) =>
  judgeStudies(resultsOf((one, study) => ({ ...asClaimed(one), ...make(one, study) })))
    .filter(({ holds }) => !holds)
    .map(({ claim }) => claim);

describe("judgeStudies()", () => {
  it("holds every claim where all is as the page says", () => {
    expect(broken(() => ({}))).toEqual([]);
  });

  it.each([
    ["frames that wait", (one: StudyCase) => (one.line === "frames that wait" ? { onTime: 0.95 } : {})],
    ["GPU use", (one: StudyCase) => (one.line === "GPU use" ? { dollars: 1 } : {})],
    ["the defaults", (one: StudyCase) => (one.name === "fixed 12" ? { dollars: 60 } : {})],
    ["the default frames", (one: StudyCase) => (one.name.startsWith("16") ? { onTime: 0.99 } : {})],
    [
      "on other pictures",
      (one: StudyCase) => (one.name === "frames that wait 2, steps x 3" ? {} : { onTime: 0.8 }),
    ],
    ["going on", (one: StudyCase) => (one.name.endsWith("snapshots") ? { wastedShare: 0.02 } : {})],
  ])("tells that a claim is broken: %s", (claim, fault) => {
    expect(broken(fault).some((text) => text.includes(claim))).toBe(true);
  });

  it("holds no claim of studies that were not played", () => {
    expect(judgeStudies([]).every(({ holds }) => !holds)).toBe(true);
  });
});

describe("differencesOf()", () => {
  const result = (name: string, onTime: readonly number[], study = "signals"): StudyResult => ({
    study,
    case: { name, pools: [] },
    reports: onTime.map((share) => ({ ...REPORT, onTime: share })),
  });

  it("compares day by day, so that days that differ from each other do not blur it", () => {
    const results = [result("the defaults", [0.9, 0.5]), result("other", [0.92, 0.52])];
    const [, other] = results;
    const differences = other && differencesOf(other, results, "onTime");
    expect(spreadOf(differences ?? []).mean).toBeCloseTo(0.02, 9);
    expect(spreadOf(differences ?? []).sd).toBeCloseTo(0, 9);
  });

  it("has nothing to compare with in a study without the defaults", () => {
    const results = [result("the defaults", [0.9]), result("other", [0.9], "pictures")];
    expect(results[1] && differencesOf(results[1], results, "onTime")).toBeUndefined();
  });
});

describe("spreadOf()", () => {
  it("is the mean and the deviation of a sample", () => {
    expect(spreadOf([2, 4, 6])).toEqual({ mean: 4, sd: 2 });
    expect(spreadOf([5])).toEqual({ mean: 5, sd: 0 });
  });
});
