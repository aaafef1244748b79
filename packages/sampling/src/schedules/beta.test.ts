import { describe, expect, it } from "vitest";
import { betaEntries } from "./beta.js";

describe("betaEntries()", () => {
  it("rounds the median to the even entry", () => {
    expect(betaEntries(2)).toEqual([999, 500]);
    expect(betaEntries(4)).toEqual([999, 823, 500, 176]);
  });

  it("takes entries that repeat once, and never more than there are", () => {
    const entries = betaEntries(5000);
    expect(new Set(entries).size).toBe(entries.length);
    expect([entries[0], entries.at(-1)]).toEqual([999, 0]);
  });
});
