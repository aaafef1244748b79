import { FarmError } from "@latentfarm/contract";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CALL_MS_MAX } from "../limits.js";
import { bounded, isConnectionLoss, translateRedisError } from "./errors.js";

describe("translateRedisError()", () => {
  it("keeps the farm's own errors", () => {
    const error = new FarmError("not_found", "Cannot find it");
    expect(translateRedisError("read", error)).toBe(error);
  });

  it.each([
    ["OOM command not allowed when used memory > 'maxmemory'", /refusing \(OOM\)/],
    ["MISCONF Errors writing to the AOF file", /refusing \(MISCONF\)/],
    ["Connection is closed.", /unreachable/],
  ])("tells a caller to come back after %s", (message, words) => {
    const error = translateRedisError("queue the frames", new Error(message));
    expect(error).toMatchObject({ code: "queue_unavailable", message: expect.stringMatching(words) });
  });

  it("names the system's code", () => {
    const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    expect(translateRedisError("ping", refused).message).toContain("unreachable (ECONNREFUSED)");
  });

  it("calls a forbidden transition a bug", () => {
    const error = translateRedisError(
      "commit",
      new Error("ERR FARM_TRANSITION 0:status from failed to running"),
    );
    expect(error.code).toBe("internal");
  });
});

describe("isConnectionLoss()", () => {
  it("tells a lost connection from a refusal", () => {
    expect(isConnectionLoss(Object.assign(new Error("connect"), { code: "ECONNREFUSED" }))).toBe(true);
    expect(isConnectionLoss(new Error("Connection is closed."))).toBe(true);
    expect(isConnectionLoss(new Error("Missing lock for job 1. moveToFinished"))).toBe(false);
  });
});

describe("bounded()", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("gives what the call gives and leaves no timer", async () => {
    expect(await bounded("ping", async () => "PONG")).toBe("PONG");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ends a silent call at its bound, not before", async () => {
    let ended = false;
    const call = bounded("ping", () => new Promise(() => undefined)).finally(() => {
      ended = true;
    });
    const refused = expect(call).rejects.toMatchObject({
      code: "queue_unavailable",
      message: expect.stringContaining("silent"),
    });
    await vi.advanceTimersByTimeAsync(CALL_MS_MAX - 1);
    expect(ended).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await refused;
  });
});
