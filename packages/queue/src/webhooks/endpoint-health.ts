import type { Endpoint } from "@latentfarm/contract";
import {
  afterOutcome,
  BREAKER_CLOSED,
  BREAKER_POLICY,
  type BreakerPolicy,
  type BreakerState,
  nextAttemptMs,
  RETRY_SCHEDULE_MS,
} from "@latentfarm/webhooks";
import type { DeliveryOutcome } from "./webhook-store.js";

/** When deliveries are tried again, and when an endpoint is left alone. */
export interface DeliveryPolicy {
  readonly scheduleMs: readonly number[];
  readonly breaker: BreakerPolicy;
  /** 0 up to, not including, 1. */
  readonly random: () => number;
}

/** An endpoint's health as the scripts keep it. */
export interface EndpointHealth {
  readonly breaker: BreakerState;
  readonly disabled: Endpoint["disabled"];
  /** Counts its changes, so that a judgement of an older one is not written over a newer one. */
  readonly version: string;
}

/** What becomes of a delivery and its endpoint after an attempt. */
export interface Judgement {
  readonly verdict: "delivered" | "retry" | "dead";
  /** Milliseconds to the next attempt; 0 without one. */
  readonly delayMs: number;
  readonly breaker: BreakerState;
  readonly disabled: Endpoint["disabled"];
}

/** The farm's own numbers. */
export const DELIVERY_POLICY: DeliveryPolicy = {
  scheduleMs: RETRY_SCHEDULE_MS,
  breaker: BREAKER_POLICY,
  random: Math.random,
};

/** An endpoint's health out of its fields. */
export function decodeHealth(fields: ReadonlyMap<string, string>): EndpointHealth {
  const breaker = fields.get("breaker");
  const disabled = fields.get("disabled");
  return {
    // Only this file writes the field.
    breaker: breaker === undefined ? BREAKER_CLOSED : (JSON.parse(breaker) as BreakerState),
    disabled: disabled === "gone" || disabled === "failing" ? disabled : null,
    version: fields.get("version") ?? "",
  };
}

/** The health's part of a settling: breaker, paused until, disabled, each empty for none. */
export function encodeHealth({ breaker, disabled }: Pick<Judgement, "breaker" | "disabled">): string[] {
  const isWell = breaker.failures === 0 && breaker.openUntilMs === null;
  const paused = breaker.openUntilMs;
  return [isWell ? "" : JSON.stringify(breaker), paused === null ? "" : String(paused), disabled ?? ""];
}

/** Judges an attempt, `round` counting those of the present schedule from 1. */
export function judge(
  attempt: { readonly round: number; readonly outcome: DeliveryOutcome; readonly nowMs: number },
  health: EndpointHealth,
  policy: DeliveryPolicy,
): Judgement {
  const { round, outcome, nowMs } = attempt;
  const { state, disable } = afterOutcome(health.breaker, outcome, { nowMs, policy: policy.breaker });
  // A success does not enable an endpoint again: that a person decides.
  const disabled = health.disabled ?? disable;
  const after = { breaker: state, disabled };
  if (outcome.error === null) return { verdict: "delivered", delayMs: 0, ...after };
  const { scheduleMs, random } = policy;
  const delayMs = nextAttemptMs({ attempt: round, outcome, random, scheduleMs });
  if (disabled !== null || delayMs === undefined) return { verdict: "dead", delayMs: 0, ...after };
  return { verdict: "retry", delayMs, ...after };
}
