import { invariant } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import { runScript } from "../redis/run-script.js";
import { DUE_LINES, RELEASE_LINE, SETTLE_DELIVERY, TAKE_DELIVERY } from "./delivery-scripts.js";
import {
  type DeliveryPolicy,
  decodeHealth,
  type EndpointHealth,
  encodeHealth,
  judge,
} from "./endpoint-health.js";
import { deliveryKey, endpointKey, LINES_KEY } from "./webhook-keys.js";
import type { DeliveryOutcome, DeliveryWork } from "./webhook-store.js";

/** A delivery as it was handed to BullMQ once. */
export interface Turn {
  readonly id: string;
  readonly turn: number;
}

/** An attempt that may be made now. */
export interface TakenDelivery {
  readonly kind: "go";
  readonly work: Omit<DeliveryWork, "signal">;
  /** Counts the attempts of the present schedule, from 1. */
  readonly round: number;
  readonly health: EndpointHealth;
  /** Redis's clock at the time of the taking. */
  readonly takenMs: number;
}

/** What came of taking a turn; see TAKE_DELIVERY. */
export type Taking =
  | TakenDelivery
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "parked" | "dead" | "stale" };

/** @throws {FarmError} queue_unavailable */
export async function takeDelivery(redis: Redis, { id, turn }: Turn): Promise<Taking> {
  const call = { keys: [deliveryKey(id)], args: [id, turn] };
  const [kind, first, round, now, delivery = "", endpoint = ""] = await runScript(redis, TAKE_DELIVERY, call);
  if (kind === "wait") return { kind, ms: Number(first) };
  if (kind === "parked" || kind === "dead" || kind === "stale") return { kind };
  invariant(kind === "go", `a taking answers ${kind}`);
  const fields = decodePairs(delivery);
  const place = decodePairs(endpoint);
  const text = (name: string) => fields.get(name) ?? "";
  return {
    kind,
    work: {
      id,
      jobId: text("job"),
      tenant: text("tenant"),
      endpoint: text("endpoint"),
      url: text("url"),
      body: text("body"),
      secrets: signingSecrets(place, Number(now)),
      attempt: Number(first),
      createdMs: Number(text("created_ms")),
    },
    round: Number(round),
    health: decodeHealth(place),
    takenMs: Number(now),
  };
}

/**
 * Writes an attempt's end down, and judges the endpoint by it. Gives what became of the delivery, and how many wait in
 * the endpoint's line.
 * @throws {FarmError} queue_unavailable
 */
export async function settleDelivery(
  redis: Redis,
  attempt: Turn & { readonly round: number; readonly outcome: DeliveryOutcome },
  judging: { readonly health: EndpointHealth; readonly nowMs: number; readonly policy: DeliveryPolicy },
): Promise<Settlement> {
  const { id, turn, round, outcome } = attempt;
  const { retry_after_seconds: _asked, ...shown } = outcome;
  let { health, nowMs } = judging;
  // Each repeat means that another attempt of this endpoint was settled meanwhile, of which there are only a few.
  for (;;) {
    const { verdict, delayMs, ...after } = judge({ round, outcome, nowMs }, health, judging.policy);
    const [kind, first, fields = ""] = await runScript(redis, SETTLE_DELIVERY, {
      keys: [deliveryKey(id)],
      args: [id, turn, JSON.stringify(shown), verdict, delayMs, health.version, ...encodeHealth(after)],
    });
    if (kind === "settled") return { verdict, delayMs, inLine: Number(first), disabled: after.disabled };
    nowMs = Number(first);
    health = decodeHealth(decodePairs(fields));
  }
}

/** What became of a delivery. */
export interface Settlement {
  readonly verdict: "delivered" | "retry" | "dead";
  readonly delayMs: number;
  readonly inLine: number;
  /** Why nothing more is sent to the endpoint. */
  readonly disabled: EndpointHealth["disabled"];
}

/**
 * The endpoints on whose lines somebody should look by now.
 * @throws {FarmError} queue_unavailable
 */
export async function dueLines(redis: Redis): Promise<string[]> {
  const [, ...endpoints] = await runScript(redis, DUE_LINES, { keys: [LINES_KEY], args: [] });
  return endpoints;
}

/**
 * Hands on what waits in an endpoint's line, as far as it has places; see RELEASE_LINE. Gives how many were moved.
 * @throws {FarmError} queue_unavailable
 */
export async function releaseLine(redis: Redis, endpoint: string): Promise<number> {
  const call = { keys: [endpointKey(endpoint)], args: [endpoint] };
  const [, moved] = await runScript(redis, RELEASE_LINE, call);
  return Number(moved);
}

/** The secrets that sign now, newest first. */
function signingSecrets(endpoint: ReadonlyMap<string, string>, nowMs: number): string[] {
  const isOverlap = Number(endpoint.get("previous_until_ms") ?? 0) > nowMs;
  const found = [endpoint.get("secret"), isOverlap ? endpoint.get("previous_secret") : undefined];
  return found.filter((secret) => secret !== undefined);
}

/** The names and values of a hash, as a script puts them into JSON. */
function decodePairs(text: string): Map<string, string> {
  const pairs: unknown = JSON.parse(text);
  invariant(Array.isArray(pairs), "a hash comes as a list");
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < pairs.length; i += 2) fields.set(String(pairs[i]), String(pairs[i + 1]));
  return fields;
}
