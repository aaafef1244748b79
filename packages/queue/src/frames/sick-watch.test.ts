import { createJobId, type ErrorCode, type JobId } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { SICK_JOBS } from "../limits.js";
import { SickWatch } from "./sick-watch.js";

function jobs(count: number): JobId[] {
  return Array.from({ length: count }, (_, at) => createJobId({ nowMs: at, random: new Uint8Array(10) }));
}

/** Fails for each of the jobs; true when any of the answers was. */
function failAll(watch: SickWatch, ids: readonly JobId[], code: ErrorCode = "engine_crashed"): boolean {
  return ids.map((id) => watch.failed(id, code)).includes(true);
}

describe("SickWatch", () => {
  it("is sick with the last of so many different jobs, and says so once", () => {
    const watch = new SickWatch();
    const ids = jobs(SICK_JOBS + 1);
    expect(failAll(watch, ids.slice(0, SICK_JOBS - 1))).toBe(false);
    expect(watch.reason).toBeNull();
    expect(failAll(watch, ids.slice(SICK_JOBS - 1, SICK_JOBS))).toBe(true);
    expect(watch.reason).toMatch(/3 different jobs.*engine_crashed/);
    expect(failAll(watch, ids.slice(SICK_JOBS))).toBe(false);
  });

  it("is well however many frames of one job fail", () => {
    const watch = new SickWatch();
    const [one] = jobs(1);
    expect(
      failAll(
        watch,
        Array.from({ length: 100 }, () => one).flatMap((id) => id ?? []),
      ),
    ).toBe(false);
  });

  it("forgets what failed before a success", () => {
    const watch = new SickWatch();
    const ids = jobs(2 * (SICK_JOBS - 1));
    failAll(watch, ids.slice(0, SICK_JOBS - 1));
    watch.succeeded();
    expect(failAll(watch, ids.slice(SICK_JOBS - 1))).toBe(false);
    expect(watch.reason).toBeNull();
  });

  it("stays sick after a success of a frame that was in flight", () => {
    const watch = new SickWatch();
    failAll(watch, jobs(SICK_JOBS));
    watch.succeeded();
    expect(watch.reason).not.toBeNull();
  });

  it.each([
    "interrupted",
    "canceled",
    "expired",
    "invalid_request",
    "queue_unavailable",
    "store_unavailable",
  ] as const)("does not blame the worker for %s", (code) => {
    const watch = new SickWatch();
    expect(failAll(watch, jobs(2 * SICK_JOBS), code)).toBe(false);
  });
});
