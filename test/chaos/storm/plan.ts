import type { Priority, WebhookEvent } from "@latentfarm/contract";
import { createRandom, type Random } from "./random.js";

/** The processes that a fault can hit. */
export const ROLES = ["gateway", "worker", "courier"] as const;

/** A kind of process. */
export type Role = (typeof ROLES)[number];

/** One fault as it was drawn. `ms` is how long it lasts before it is healed, or a killed Redis stays away. */
export type Fault =
  | { readonly kind: "kill"; readonly role: Role | "engine"; readonly nth: number }
  | { readonly kind: "drain"; readonly role: Role; readonly nth: number }
  | { readonly kind: "redis-kill" | "redis-pause"; readonly ms: number }
  | {
      readonly kind: "net-hold" | "net-forget" | "net-slow" | "net-refuse" | "net-reset";
      readonly role: Role;
      readonly nth: number;
      readonly direction: "requests" | "answers";
      readonly ms: number;
    }
  | { readonly kind: "store"; readonly fault: "full" | "broken" | "lies"; readonly ms: number }
  | {
      readonly kind: "receiver";
      readonly mood: "down" | "slow" | "failing" | "forgetful";
      readonly ms: number;
    }
  | {
      readonly kind: "clock";
      readonly role: Role;
      readonly nth: number;
      readonly offsetMs: number;
      readonly ms: number;
    };

/** A fault and the milliseconds of rest before it. */
export interface Strike {
  readonly restMs: number;
  readonly fault: Fault;
}

/** What a client of the storm asks for, and how it behaves. */
export interface JobPlan {
  readonly number: number;
  readonly tenant: number;
  readonly prompt: string;
  /** Of the first frame. */
  readonly seed: number;
  readonly steps: number;
  readonly frames: number;
  readonly priority: Priority;
  readonly startWithin: number | undefined;
  readonly webhook: readonly WebhookEvent[] | undefined;
  /** Undefined for a client without an Idempotency-Key, which must not send twice. */
  readonly key: string | undefined;
  /** Sends the same body under the same key a second time: at once, or after the answer. */
  readonly duplicate: "none" | "concurrent" | "later";
  readonly cancelAfterMs: number | undefined;
  readonly follow: "stream" | "poll";
}

/** Prompts, steps and seeds are few, so that every picture can be drawn beforehand. */
export const PROMPTS = [
  "red city, black sky with stars",
  "a yellow sun over blue water",
  "green hills",
] as const;
/** Below 3 steps the demo model gives nearly one picture for every seed: a mistaken one could not be told. */
export const STEPS = [3, 5] as const;
/** Seeds of first frames; a job's last frame has up to `FRAMES_MAX - 1` more. */
export const SEEDS = [100, 101, 102, 103] as const;
/** Frames of one job. */
export const FRAMES_MAX = 3;
/** Tenants with load of their own. */
export const TENANTS = 3;

/** Milliseconds of rest between faults: some load passes in between, and the farm is often still mending. */
const REST_MS = { min: 100, max: 1_000 };
/** Longest fault of the short kind: well below the lock of a frame. */
const SHORT_MS_MAX = 3_000;
/** One in eight stalls outlasts the lock of a frame, 10 s: attempts are superseded behind their backs. */
const LONG_MS = 13_000;
const LONG_CHANCE = 0.125;
/** Clock jumps: a daylight-saving hour or a battery that ran out, either way. */
const CLOCK_OFFSETS_MS = [-3_600_000, -5_000, 5_000, 3_600_000] as const;
/** Receivers refuse a time that is 5 minutes off, and are right: Standard Webhooks asks it of them. */
const COURIER_OFFSETS_MS = [-60_000, -5_000, 5_000, 60_000] as const;
/** Streams of the seed: jobs take those from 0 on. */
const FAULT_STREAM = 1_000_000;

/** The job with this number under a seed. */
export function planJob(seed: number, number: number): JobPlan {
  const random = createRandom(seed, number);
  const keyed = random.chance(0.85);
  return {
    number,
    tenant: random.between(0, TENANTS - 1),
    prompt: random.pick(PROMPTS),
    seed: random.pick(SEEDS),
    steps: random.pick(STEPS),
    frames: random.between(1, FRAMES_MAX),
    priority: random.pick(["low", "normal", "high"]),
    startWithin: random.chance(0.1) ? random.between(1, 5) : undefined,
    webhook: random.chance(0.4) ? planWebhook(random) : undefined,
    key: keyed ? `storm-${seed}-${number}` : undefined,
    duplicate: keyed ? random.pick(["none", "none", "concurrent", "later"]) : "none",
    cancelAfterMs: random.chance(0.15) ? random.between(0, 1_500) : undefined,
    follow: random.pick(["stream", "stream", "poll"]),
  };
}

function planWebhook(random: Random): readonly WebhookEvent[] {
  const ends = ["job.succeeded", "job.failed", "job.canceled", "job.expired"] as const;
  return random.chance(0.5)
    ? ends
    : ["job.queued", "job.started", "frame.succeeded", "frame.failed", ...ends];
}

/** The faults of a run in their order: bag after bag of every kind, each in an order of its own. */
export function planStrikes(seed: number, count: number): Strike[] {
  const random = createRandom(seed, FAULT_STREAM);
  const strikes: Strike[] = [];
  while (strikes.length < count) {
    const bag = random.shuffle(KINDS).slice(0, count - strikes.length);
    for (const draw of bag) {
      strikes.push({ restMs: random.between(REST_MS.min, REST_MS.max), fault: draw(random) });
    }
  }
  return strikes;
}

const shortMs = (random: Random): number => random.between(300, SHORT_MS_MAX);
const stallMs = (random: Random): number => (random.chance(LONG_CHANCE) ? LONG_MS : shortMs(random));
const kill =
  (role: Role | "engine") =>
  (random: Random): Fault => ({ kind: "kill", role, nth: random.between(0, 1) });
const drain =
  (role: Role) =>
  (random: Random): Fault => ({ kind: "drain", role, nth: random.between(0, 1) });
const net =
  (kind: "net-hold" | "net-forget" | "net-slow" | "net-refuse" | "net-reset", role?: Role) =>
  (random: Random): Fault => ({
    kind,
    role: role ?? random.pick(ROLES),
    nth: random.between(0, 1),
    direction: random.pick(["requests", "answers"]),
    ms: kind === "net-hold" ? stallMs(random) : shortMs(random),
  });
const store =
  (fault: "full" | "broken" | "lies") =>
  (random: Random): Fault => ({ kind: "store", fault, ms: shortMs(random) });
const receiver =
  (mood: "down" | "slow" | "failing" | "forgetful") =>
  (random: Random): Fault => ({ kind: "receiver", mood, ms: shortMs(random) });

function clock(random: Random): Fault {
  const role = random.pick(ROLES);
  const offsetMs = random.pick(role === "courier" ? COURIER_OFFSETS_MS : CLOCK_OFFSETS_MS);
  return { kind: "clock", role, nth: random.between(0, 1), offsetMs, ms: shortMs(random) };
}

/** What a bag holds. Workers and gateways are hit most, since they are what there is most of. */
const KINDS: readonly ((random: Random) => Fault)[] = [
  kill("gateway"),
  kill("worker"),
  kill("engine"),
  kill("courier"),
  drain("worker"),
  drain("gateway"),
  (random) => ({ kind: "redis-kill", ms: random.between(0, SHORT_MS_MAX) }),
  (random) => ({ kind: "redis-pause", ms: stallMs(random) }),
  // Outlasts the locks of what the worker draws: its attempts are superseded, and speak once more when it is healed.
  (random) => ({
    kind: "net-hold",
    role: "worker",
    nth: random.between(0, 1),
    direction: "requests",
    ms: LONG_MS,
  }),
  net("net-hold"),
  net("net-forget", "worker"),
  net("net-forget", "gateway"),
  net("net-forget", "courier"),
  net("net-slow"),
  net("net-refuse"),
  net("net-reset"),
  store("full"),
  store("broken"),
  store("lies"),
  receiver("down"),
  receiver("slow"),
  receiver("failing"),
  receiver("forgetful"),
  clock,
];
