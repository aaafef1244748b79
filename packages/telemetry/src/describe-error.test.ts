import { FarmError } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { describeError } from "./describe-error.js";
import { createLogger } from "./logger.js";

/** As an SDK gives it: its message repeats what it was asked with. */
function foreign(): Error {
  const fields = { name: "AccessDenied", code: "EDENIED", AWSAccessKeyId: "hush-id" };
  return Object.assign(new Error("hush-key may not\n    at hush"), fields);
}

describe("describeError()", () => {
  it("tells the farm's own message, and of a foreign cause its name, code and place alone", () => {
    const own = new FarmError("store_unavailable", "Cannot write the picture", { cause: foreign() });
    const told = describeError(own);
    expect(told).toMatchObject({
      type: "FarmError",
      code: "store_unavailable",
      message: "Cannot write the picture",
      cause: { type: "AccessDenied", code: "EDENIED", stack: expect.stringContaining("describe-error.test") },
    });
    expect(told.cause).not.toHaveProperty("message");
    expect(JSON.stringify(told)).not.toContain("hush-");
  });

  it("tells the message of a fault of the program, and not the text that a parser refuses", () => {
    expect(describeError(new TypeError("x is no function")).message).toBe("x is no function");
    const parse = () => JSON.parse('{"prompt": hush-prompt}');
    try {
      parse();
      expect.unreachable();
    } catch (error) {
      expect(String(error)).toContain("hush-");
      expect(JSON.stringify(describeError(error))).not.toContain("hush-");
    }
  });

  it("ends in a ring of causes, and takes what is no error", () => {
    const ring = new Error("a");
    ring.cause = ring;
    expect(JSON.stringify(describeError(ring)).match(/"type"/g)).toHaveLength(5);
    expect(describeError("hush-text")).toEqual({ type: "string" });
  });
});

describe("createLogger()", () => {
  it("writes no message of a foreign error, itself or a cause", () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const log = createLogger({ name: "worker", level: "info", destination });
    log.warn(
      { err: new FarmError("store_unavailable", "Cannot read", { cause: foreign() }) },
      "store is away",
    );
    log.child({ a: 1 }).warn({ err: foreign() }, "spool fails");
    expect(lines.join("")).not.toContain("hush-");
    expect(lines[0]).toContain("Cannot read");
  });
});
