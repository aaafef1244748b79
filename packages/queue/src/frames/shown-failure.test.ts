import { FarmError, fieldsError } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { shownFailure } from "./shown-failure.js";

describe("shownFailure()", () => {
  it("shownFailure() says what is wrong with each field", () => {
    const failure = fieldsError("the job", [{ path: "prompt", message: "is too long" }]);
    expect(shownFailure(failure)).toEqual({
      code: "invalid_request",
      message: "Cannot accept the job as fields are wrong: prompt (prompt is too long)",
    });
  });

  it("shownFailure() keeps a failure without fields as it is", () => {
    const failure = new FarmError("timeout", "Cannot", { details: { errors: "none", step: 3 } });
    expect(shownFailure(failure)).toEqual({ code: "timeout", message: "Cannot" });
  });
});
