import { describe, expect, it } from "vitest";
import { planJob, planStrikes } from "./plan.js";
import { createRandom } from "./random.js";

describe("planStrikes()", () => {
  it("repeats under a seed, and differs under another", () => {
    expect(planStrikes(7, 100)).toEqual(planStrikes(7, 100));
    expect(planStrikes(7, 100)).not.toEqual(planStrikes(8, 100));
    expect(planStrikes(7, 100).slice(0, 10)).toEqual(planStrikes(7, 50).slice(0, 10));
  });

  it("has every kind of fault in a short run", () => {
    for (let seed = 0; seed < 50; seed++) {
      const strikes = planStrikes(seed, 30);
      const kinds = new Set(strikes.map(({ fault }) => fault.kind));
      expect(strikes).toHaveLength(30);
      expect([...kinds].sort()).toEqual([
        ...["clock", "drain", "kill"],
        ...["net-forget", "net-hold", "net-refuse", "net-reset", "net-slow"],
        ...["receiver", "redis-kill", "redis-pause", "store"],
      ]);
    }
  });
});

describe("planJob()", () => {
  it("repeats under a seed and number", () => {
    expect(planJob(7, 3)).toEqual(planJob(7, 3));
    expect(planJob(7, 3)).not.toMatchObject({ ...planJob(7, 4), number: 3 });
  });

  it("never lets a client without a key send twice", () => {
    const plans = Array.from({ length: 500 }, (_, number) => planJob(1, number));
    expect(plans.filter(({ key, duplicate }) => key === undefined && duplicate !== "none")).toEqual([]);
    expect(plans.filter(({ duplicate }) => duplicate === "concurrent").length).toBeGreaterThan(20);
    expect(plans.filter(({ cancelAfterMs }) => cancelAfterMs !== undefined).length).toBeGreaterThan(20);
  });
});

describe("createRandom()", () => {
  it("draws evenly, and both ends of a range", () => {
    const random = createRandom(1);
    const counts = [0, 0, 0, 0];
    for (let draw = 0; draw < 4_000; draw++) {
      const drawn = random.between(0, 3);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
    expect(random.shuffle([1, 2, 3]).sort()).toEqual([1, 2, 3]);
  });
});
