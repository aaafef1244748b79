import { BREAKER_CLOSED, BREAKER_POLICY } from "@latentfarm/webhooks";
import { describe, expect, it } from "vitest";
import { decodeHealth, type EndpointHealth, encodeHealth, judge } from "./endpoint-health.js";
import type { DeliveryOutcome } from "./webhook-store.js";

const POLICY = { scheduleMs: [1_000, 2_000], breaker: BREAKER_POLICY, random: () => 0 };
const WELL: EndpointHealth = { breaker: BREAKER_CLOSED, disabled: null, version: "0" };
const DELIVERED: DeliveryOutcome = {
  at: "2026-01-01T00:00:00.000Z",
  status: 204,
  duration_ms: 1,
  error: null,
  retry_after_seconds: null,
};
const failed = (code: string): DeliveryOutcome => ({
  ...DELIVERED,
  status: 500,
  error: { code, message: "" },
});

describe("judge()", () => {
  it("tries again by the schedule, and gives up after its last pause", () => {
    const judged = [1, 2, 3].map((round) =>
      judge({ round, outcome: failed("status"), nowMs: 5 }, WELL, POLICY),
    );
    expect(judged).toMatchObject([
      { verdict: "retry", delayMs: 1_000 },
      { verdict: "retry", delayMs: 2_000 },
      { verdict: "dead", delayMs: 0 },
    ]);
  });

  it("gives up at once when the endpoint is gone, or was disabled while the attempt was under way", () => {
    const gone = judge({ round: 1, outcome: failed("gone"), nowMs: 5 }, WELL, POLICY);
    expect(gone).toMatchObject({ verdict: "dead", disabled: "gone" });
    const late = judge(
      { round: 1, outcome: failed("status"), nowMs: 5 },
      { ...WELL, disabled: "gone" },
      POLICY,
    );
    expect(late).toMatchObject({ verdict: "dead", disabled: "gone" });
  });

  it("disables an endpoint of which nothing but failures was heard for five days", () => {
    const breaker = { ...BREAKER_CLOSED, failures: 9, firstFailureMs: 1 };
    const days = (count: number) => 1 + count * 86_400_000;
    const at = (nowMs: number) =>
      judge({ round: 1, outcome: failed("status"), nowMs }, { ...WELL, breaker }, POLICY);
    expect(at(days(5) - 1)).toMatchObject({ verdict: "retry", disabled: null });
    expect(at(days(5))).toMatchObject({ verdict: "dead", disabled: "failing" });
  });

  it("counts a late success as delivered, and leaves the endpoint disabled", () => {
    expect(
      judge({ round: 1, outcome: DELIVERED, nowMs: 5 }, { ...WELL, disabled: "gone" }, POLICY),
    ).toMatchObject({
      verdict: "delivered",
      disabled: "gone",
      breaker: BREAKER_CLOSED,
    });
  });
});

describe("decodeHealth()", () => {
  it("gives back what encodeHealth() wrote, and nothing is written of an endpoint that is well", () => {
    const { breaker } = judge({ round: 1, outcome: failed("status"), nowMs: 5 }, WELL, POLICY);
    const [text = "", paused, disabled] = encodeHealth({ breaker, disabled: "failing" });
    expect([paused, disabled]).toEqual(["", "failing"]);
    const fields = new Map([
      ["breaker", text],
      ["disabled", "failing"],
      ["version", "3"],
    ]);
    expect(decodeHealth(fields)).toEqual({ breaker, disabled: "failing", version: "3" });
    expect(encodeHealth({ breaker: BREAKER_CLOSED, disabled: null })).toEqual(["", "", ""]);
    expect(decodeHealth(new Map([["version", "0"]]))).toEqual(WELL);
  });
});
