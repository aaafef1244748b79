import { FarmError } from "@latentfarm/contract";
import { expect, test } from "vitest";
import { describeFailure, exitCodeOf, usageError } from "./failure.js";

test("exitCodeOf() tells wrong calls, interruptions and failures apart", () => {
  expect(exitCodeOf(usageError("x"))).toBe(2);
  expect(exitCodeOf(new FarmError("config_invalid", "x"))).toBe(2);
  expect(exitCodeOf(new FarmError("canceled", "x"))).toBe(130);
  expect(exitCodeOf(new FarmError("engine_crashed", "x"))).toBe(1);
  expect(exitCodeOf(new TypeError("x"))).toBe(1);
});

test("describeFailure() lists wrong fields under their options' names, without a stack", () => {
  const errors = [
    { path: "guidance_scale", message: "must be a number" },
    { path: "scopes.1", message: "must be one of" },
    { path: "other", message: "is odd" },
    "junk",
  ];
  const text = describeFailure(new FarmError("invalid_request", "Cannot do it", { details: { errors } }));
  expect(text).toBe("Cannot do it\n  --guidance must be a number\n  --scopes must be one of\n  other is odd");
});

test("describeFailure() shows the stack of a bug of ours", () => {
  expect(describeFailure(new TypeError("broken"))).toContain("failure.test.ts");
});
