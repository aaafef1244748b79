import type { Interval } from "../measure/paired.js";

/** The share of a frame's time that all telemetry may take. */
export const SHARE_AIM = 0.01;

/**
 * What an interval says of the aim: it is met or missed only where the whole interval says so. One that is wider than the
 * aim to either side meets nothing: telling takes no less than nothing, so that only noise can hold its end down.
 */
export type Verdict = "met" | "missed" | "not told apart";

/** Judges what telemetry takes of a frame: on over off, and the scrapes, which take the same from all turns. */
export function judgeShare({ low, high }: Interval, scrapeShare: number): Verdict {
  if (high + scrapeShare < SHARE_AIM && high - low < 2 * SHARE_AIM) return "met";
  return low + scrapeShare >= SHARE_AIM ? "missed" : "not told apart";
}
