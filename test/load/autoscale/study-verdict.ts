import type { DayReport } from "./day-report.js";
import { DEFAULT_CASE, type StudyResult } from "./studies.js";

/** What the studies are to show, and whether they do. */
export interface Claim {
  readonly claim: string;
  readonly holds: boolean;
}

/** Parts of the pictures: less than the spread between days. */
const SAME_ON_TIME = 0.002;

/** The mean of a number over the days of a case. */
export function meanOf({ reports }: StudyResult, field: keyof DayReport): number {
  return spreadOf(reports.map((report) => report[field])).mean;
}

/** The mean and the standard deviation of a list; a deviation of 0 for one. */
export function spreadOf(values: readonly number[]): { readonly mean: number; readonly sd: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}

/**
 * A number of a case less that of the defaults on the same days: days differ more than cases, so cases are compared day by
 * day. Undefined in a study without the defaults.
 */
export function differencesOf(
  result: StudyResult,
  results: readonly StudyResult[],
  field: keyof DayReport,
): readonly number[] | undefined {
  const base = results.find((one) => one.study === result.study && one.case.name === DEFAULT_CASE);
  if (base === undefined) return undefined;
  return result.reports.map((report, day) => report[field] - (base.reports[day]?.[field] ?? 0));
}

/**
 * Judges what docs/autoscaling.md says of the studies. A case beats another that costs as much at least and has no more
 * pictures on time.
 */
export function judgeStudies(results: readonly StudyResult[]): readonly Claim[] {
  const of = (study: string) => results.filter((result) => result.study === study);
  const [signals, settings] = [of("signals"), of("settings")];
  const line = (name: string) => signals.filter((result) => result.case.line === name);
  const chosen = (list: readonly StudyResult[]) => list.find((result) => result.case.name === DEFAULT_CASE);
  const backlog = line("backlog seconds");
  return [
    ...["frames that wait", "GPU use"].map((name) => ({
      claim: `each target of ${name} is beaten by one of backlog seconds`,
      holds: line(name).length > 0 && line(name).every((other) => backlog.some((one) => beats(one, other))),
    })),
    {
      claim:
        "the defaults have as many pictures on time as twelve workers all day but for 2 %, at half the cost",
      holds: isCheap(
        chosen(signals),
        signals.find((result) => result.case.name === "fixed 12"),
      ),
    },
    {
      claim: "the default frames in flight beat sixteen",
      holds: isBeaten(
        chosen(settings),
        settings.find((result) => result.case.name.startsWith("16 frames")),
      ),
    },
    {
      claim:
        "on other pictures the worst share on time of backlog seconds is above that of any count of frames",
      holds: keepsPromise(of("pictures")),
    },
    {
      claim: "going on from snapshots never wastes more than beginning anew, and less in all",
      holds: savesWork(of("interruptions")),
    },
  ];
}

function beats(one: StudyResult, other: StudyResult): boolean {
  return (
    meanOf(one, "dollars") <= meanOf(other, "dollars") &&
    meanOf(one, "onTime") + SAME_ON_TIME >= meanOf(other, "onTime")
  );
}

function isBeaten(one: StudyResult | undefined, other: StudyResult | undefined): boolean {
  return one !== undefined && other !== undefined && beats(one, other);
}

function isCheap(chosen: StudyResult | undefined, fixed: StudyResult | undefined): boolean {
  if (chosen === undefined || fixed === undefined) return false;
  const isPunctual = meanOf(chosen, "onTime") >= meanOf(fixed, "onTime") - 0.02;
  return isPunctual && meanOf(chosen, "dollars") <= meanOf(fixed, "dollars") / 2;
}

/** The least share on time over the kinds of pictures, by signal. */
function keepsPromise(results: readonly StudyResult[]): boolean {
  const worst = new Map<string, number>();
  for (const result of results) {
    const [signal = ""] = result.case.name.split(",");
    worst.set(signal, Math.min(worst.get(signal) ?? 1, meanOf(result, "onTime")));
  }
  const backlog = [...worst].find(([signal]) => signal.startsWith("backlog seconds"))?.[1] ?? 0;
  const counts = [...worst].filter(([signal]) => signal.startsWith("frames"));
  return counts.length > 0 && counts.every(([, share]) => share < backlog);
}

function savesWork(results: readonly StudyResult[]): boolean {
  const pairs = results.flatMap((saving) => {
    const losing = results.find(
      (other) => other.case.name === saving.case.name.replace("go on from snapshots", "begin anew"),
    );
    return losing === undefined || losing === saving ? [] : [{ saving, losing }];
  });
  const waste = (result: StudyResult) => meanOf(result, "wastedShare");
  const sum = (side: "saving" | "losing") => pairs.reduce((total, pair) => total + waste(pair[side]), 0);
  return pairs.every(({ saving, losing }) => waste(saving) <= waste(losing)) && sum("saving") < sum("losing");
}
