import { describe, expect, it } from "vitest";
import { LARGE_JOB_ID, makeDay } from "./day-of-load.js";
import { costOf } from "./simulate-day.js";

const work = (day: ReturnType<typeof makeDay>) => day.jobs.reduce((sum, job) => sum + costOf(job), 0);

describe("makeDay()", () => {
  it("makes the same day of the same seed and another of another", () => {
    expect(makeDay(7)).toEqual(makeDay(7));
    expect(makeDay(8).jobs).not.toEqual(makeDay(7).jobs);
  });

  it("has jobs by time, each with a tenant that is there, and the large one once", () => {
    const { jobs, tenants, ms } = makeDay(1);
    expect(jobs).toEqual(jobs.toSorted((one, other) => one.atMs - other.atMs));
    expect(jobs.every(({ tenant }) => tenants.some(({ name }) => name === tenant))).toBe(true);
    expect(jobs.every(({ atMs }) => atMs >= 0 && atMs < ms)).toBe(true);
    expect(jobs.filter(({ id }) => id === LARGE_JOB_ID).map(({ frames }) => frames)).toEqual([10_000]);
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(jobs.length);
  });

  it("asks for far more by day than by night", () => {
    const jobs = [1, 2, 3].flatMap((seed) => makeDay(seed, { largeFrames: 0 }).jobs);
    const between = (from: number, to: number) =>
      jobs.filter(({ atMs }) => atMs >= from * 3_600_000 && atMs < to * 3_600_000).length / (to - from);
    expect(between(9, 17)).toBeGreaterThan(4 * between(0, 6));
  });

  it("keeps the work of a day of heavier pictures, within what the dice give", () => {
    const sum = (weight: number) =>
      [1, 2, 3, 4, 5].reduce((total, seed) => total + work(makeDay(seed, { weight, largeFrames: 0 })), 0);
    expect(sum(3) / sum(1)).toBeGreaterThan(0.8);
    expect(sum(3) / sum(1)).toBeLessThan(1.25);
    expect(sum(0.25) / sum(1)).toBeGreaterThan(0.8);
    expect(sum(0.25) / sum(1)).toBeLessThan(1.25);
  });
});
