import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CALL_COST_MIN, type ClassClaim, callCost, createClassTurns, turnWaitMax } from "./class-turns.js";
import { WEIGHT_MAX, WEIGHT_MIN } from "./plan-call.js";
import { watchWaits } from "./testing/watch-waits.js";

/** Credits are sums of binary fractions. */
const ROUNDING = 1e-9;

/** Classes whose calls cost and weigh always the same. */
function serve(claims: readonly ClassClaim[], turns: number): string[] {
  const order = createClassTurns();
  return Array.from({ length: turns }, () => order.next(claims) ?? "");
}

const share = (served: readonly string[], key: string) => served.filter((name) => name === key).length;

/** A round of a random history: which classes have a call, at what cost and weight. */
const round = fc.uniqueArray(
  fc.record({
    key: fc.constantFrom("a", "b", "c", "d", "e"),
    cost: fc.tuple(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 4096 })),
    weight: fc.constantFrom(WEIGHT_MIN, 0.5, 1, 3, WEIGHT_MAX),
  }),
  { selector: ({ key }) => key, minLength: 1 },
);

describe("createClassTurns()", () => {
  test("serves equal classes in turn", () => {
    const claims = ["a", "b", "c"].map((key) => ({ key, cost: 300, weight: 1 }));
    expect(serve(claims, 6).join("")).toBe("abcabc");
  });

  test("shares by cost, not by calls", () => {
    const served = serve(
      [
        { key: "large", cost: 4000, weight: 1 },
        { key: "small", cost: 1000, weight: 1 },
      ],
      500,
    );
    expect(share(served, "small") / share(served, "large")).toBeCloseTo(4, 1);
  });

  test("shares by weight", () => {
    const served = serve(
      [
        { key: "urgent", cost: 700, weight: 3 },
        { key: "usual", cost: 700, weight: 1 },
      ],
      400,
    );
    expect(share(served, "urgent")).toBe(300);
  });

  test("gives a class no credit for the time in which it had no call", () => {
    const turns = createClassTurns();
    const [a, b] = ["a", "b"].map((key) => ({ key, cost: 500, weight: 1 }));
    if (a === undefined || b === undefined) throw new TypeError("two classes");
    for (let i = 0; i < 10; i += 1) turns.next([a]);
    const served = Array.from({ length: 6 }, () => turns.next([a, b])).join("");
    expect(share([...served], "a")).toBe(3);
  });

  test("serves nobody without claims", () => {
    expect(createClassTurns().next([])).toBeUndefined();
  });

  test("makes nobody wait past turnWaitMax(), whatever comes and goes", () => {
    fc.assert(
      fc.property(fc.array(round, { minLength: 1, maxLength: 120 }), (history) => {
        const turns = createClassTurns();
        const waits = watchWaits();
        for (const present of history) {
          const claims = present.map(({ cost: [rows, patches], ...claim }) => ({
            ...claim,
            cost: callCost(rows, patches),
          }));
          waits.see(claims);
          const served = turns.next(claims) ?? "";
          waits.serve(served, claims.find(({ key }) => key === served)?.cost ?? 0);
          for (const wait of waits.all()) {
            const bound = turnWaitMax(wait) * (1 + ROUNDING);
            expect(wait.spent).toBeLessThanOrEqual(bound);
            expect(wait.batches).toBeLessThanOrEqual(bound / CALL_COST_MIN);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});
