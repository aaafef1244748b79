import { describe, expect, it } from "vitest";
import { ERROR_TRAITS, FarmError } from "./errors.js";
import { createJobId, isJobId } from "./ids.js";
import { toProblem } from "./problem.js";
import { isTerminal, STATUS_TRANSITIONS, STATUSES } from "./states.js";
import { fieldsError } from "./validate.js";

describe("createJobId()", () => {
  it("createJobId() makes ids that sort by time", () => {
    const ids = [0, 1, 31, 32, 1_700_000_000_000, 2 ** 48 - 1].map((nowMs) =>
      createJobId({ nowMs, random: new Uint8Array(10).fill(255) }),
    );
    expect([...ids].sort()).toEqual(ids);
    expect(ids[0]).toBe("job_0000000000ZZZZZZZZZZZZZZZZ");
    expect(ids.every(isJobId)).toBe(true);
  });

  it("createJobId() refuses too little chance and impossible times", () => {
    expect(() => createJobId({ nowMs: 0, random: new Uint8Array(9) })).toThrow(RangeError);
    expect(() => createJobId({ nowMs: 2 ** 48, random: new Uint8Array(10) })).toThrow(RangeError);
    expect(() => createJobId({ nowMs: -1, random: new Uint8Array(10) })).toThrow(RangeError);
  });

  it.each([
    "",
    "job_",
    "job_../../etc/passwd",
    "job_8000000000ZZZZZZZZZZZZZZZZ",
    "job_0000000000zzzzzzzzzzzzzzzz",
  ])("isJobId() refuses %j", (text) => expect(isJobId(text)).toBe(false));
});

describe("isTerminal()", () => {
  it("isTerminal() holds for the states that nothing follows", () => {
    expect(STATUSES.filter(isTerminal)).toEqual(["succeeded", "failed", "canceled", "expired"]);
    expect(STATUS_TRANSITIONS.running).toContain("queued");
  });
});

describe("FarmError", () => {
  it("retryable holds for what may pass, not for equal numbers of equal parameters", () => {
    expect(new FarmError("numeric_fault", "Cannot").retryable).toBe(false);
    expect(new FarmError("out_of_memory", "Cannot").retryable).toBe(true);
  });
});

describe("toProblem()", () => {
  it("toProblem() shows the wrong fields below 500", () => {
    const problem = toProblem(fieldsError("the job", [{ path: "steps", message: "is wrong" }]), "r1");
    expect(problem).toMatchObject({ status: 422, code: "invalid_request", request_id: "r1" });
    expect(problem.errors).toEqual([{ path: "steps", message: "is wrong" }]);
    expect(problem.detail).toContain("steps");
  });

  it.each(Object.entries(ERROR_TRAITS).filter(([, traits]) => traits.httpStatus >= 500))(
    "toProblem() tells nothing but the code of %s",
    (code) => {
      const known = Object.keys(ERROR_TRAITS).filter((name): name is "internal" => name === code);
      for (const name of known) {
        const problem = toProblem(new FarmError(name, "secret", { details: { errors: [] } }));
        expect(JSON.stringify(problem)).not.toContain("secret");
        expect(problem.errors).toBeUndefined();
      }
      expect(known).toHaveLength(1);
    },
  );

  it("toProblem() calls a foreign error internal", () => {
    expect(toProblem(new TypeError("secret"))).toEqual({
      type: "about:blank",
      title: "Internal",
      status: 500,
      code: "internal",
    });
  });

  it("fieldsError() bounds the list it shows", () => {
    const many = Array.from({ length: 1000 }, (_, i) => ({ path: `f${i}`, message: "is not a known field" }));
    expect(toProblem(fieldsError("the job", many)).errors).toHaveLength(64);
  });
});
