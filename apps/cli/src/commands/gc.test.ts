import { expect, test } from "vitest";
import { parseAge } from "./gc.js";

test("parseAge() reads hours and days, and nothing else", () => {
  expect(parseAge("12h")).toBe(43_200_000);
  expect(parseAge("30d")).toBe(2_592_000_000);
  for (const text of ["", "0d", "30", "1.5d", "-1d", "30 d", "100000h", "1w"])
    expect(() => parseAge(text)).toThrow("hours or days");
});
