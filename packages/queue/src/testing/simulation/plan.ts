import { PRIORITIES, WEBHOOK_EVENTS } from "@latentfarm/contract";
import { type Random, seededRandom } from "./random.js";

/** What becomes of a frame's attempts, by chance. */
export interface FrameFate {
  readonly passing: number;
  readonly lasting: number;
  readonly interrupted: number;
  /** Kills every worker that draws it. */
  readonly isDeadly: boolean;
}

/** A job that a client will submit. */
export interface JobPlan {
  readonly name: string;
  readonly tenant: string;
  readonly model: string;
  readonly priority: (typeof PRIORITIES)[number];
  readonly frames: number;
  readonly steps: number;
  /** Units of one step of one frame. */
  readonly units: number;
  readonly submitAtMs: number;
  readonly startWithinMs: number | undefined;
  readonly hook: readonly string[];
  readonly idempotency: { readonly key: string; readonly hash: string } | undefined;
  readonly cancelAfterMs: number | undefined;
  readonly retries: number;
  readonly fate: FrameFate;
}

/** A tenant with its weight and limits; 0 for none. */
export interface TenantPlan {
  readonly name: string;
  readonly weight: number;
  readonly costMax: number;
  readonly framesMax: number;
  readonly runningMax: number;
}

/** A worker. */
export interface WorkerPlan {
  readonly name: string;
  readonly model: string;
  readonly slots: number;
}

/** Everything that a seed decides before its world begins. */
export interface Plan {
  readonly tenants: readonly TenantPlan[];
  readonly models: readonly string[];
  readonly workers: readonly WorkerPlan[];
  readonly jobs: readonly JobPlan[];
  /** The share of messages that come to harm. */
  readonly faultRate: number;
  /** Crashes and freezes while there are faults. */
  readonly crashes: number;
  readonly freezes: number;
  /** Milliseconds by which the keeper's clock is ahead of Redis's. */
  readonly keeperAheadMs: number;
  /** Virtual milliseconds after which nothing more is harmed. */
  readonly healAtMs: number;
  /** Nothing goes wrong, and the shares of the tenants are judged. */
  readonly isFairness: boolean;
}

/** One in so many seeds is about shares. */
const FAIRNESS_EVERY = 16;

/** Draws up a seed's plan. */
export function makePlan(seed: number): Plan {
  return seed % FAIRNESS_EVERY === 0 ? fairnessPlan(seed) : faultPlan(seed);
}

function faultPlan(seed: number): Plan {
  const random = seededRandom(seed);
  const models = random.chance(0.2) ? ["m0", "m1"] : ["m0"];
  const tenants = ["a", "b", "c"].slice(0, random.between(1, 3)).map((name) => ({
    name,
    weight: random.pick([0, 1, 2, 4]),
    costMax: random.chance(0.15) ? random.between(40, 400) : 0,
    framesMax: random.chance(0.15) ? random.between(3, 8) : 0,
    runningMax: random.chance(0.25) ? random.between(1, 2) : 0,
  }));
  const faultRate = random.pick([0, 0.04, 0.1, 0.2, 0.3]);
  const moods: Moods = { passing: random.pick([0, 0.1, 0.3]), first: firstFate(random) };
  const jobs = Array.from({ length: random.between(1, 4) }, (_, at) =>
    drawJob(random, { at, moods, tenants: tenants.map(({ name }) => name), models }),
  );
  const workers = models.flatMap((model) =>
    Array.from({ length: random.between(1, models.length === 1 ? 3 : 2) }, (_, at) => ({
      name: `w${at}${model}`,
      model,
      slots: random.between(1, 2),
    })),
  );
  return {
    tenants,
    models,
    workers,
    jobs,
    faultRate,
    crashes: faultRate === 0 ? 0 : random.between(0, 5),
    freezes: faultRate === 0 ? 0 : random.between(0, 3),
    keeperAheadMs: random.pick([-3_000, 0, 0, 5_000]),
    healAtMs: random.pick([15_000, 25_000, 40_000]),
    isFairness: false,
  };
}

/** How frames fare in a seed. */
interface Moods {
  /** The chance that an attempt fails and may be tried again. */
  readonly passing: number;
  /**
   * What is special about the first job: its frame takes ten workers with it, or is given back a hundred times. One such
   * frame, in one life, is enough for a seed.
   */
  readonly first: "deadly" | "restless" | "usual";
}

function firstFate(random: Random): Moods["first"] {
  if (random.chance(0.06)) return "deadly";
  return random.chance(0.02) ? "restless" : "usual";
}

function drawJob(
  random: Random,
  of: {
    readonly at: number;
    readonly moods: Moods;
    readonly tenants: readonly string[];
    readonly models: readonly string[];
  },
): JobPlan {
  const fate = of.at === 0 ? of.moods.first : "usual";
  const isUsual = fate === "usual";
  const hasKey = random.chance(0.5);
  return {
    name: `j${of.at}`,
    tenant: random.pick(of.tenants),
    model: random.pick(of.models),
    priority: random.pick(PRIORITIES),
    frames: isUsual ? random.between(1, 4) : 1,
    steps: fate === "restless" ? 1 : random.between(1, 4),
    units: random.pick([1, 4, 9, 25]),
    submitAtMs: random.chance(0.4) ? random.between(0, 100) : random.between(0, 20_000),
    startWithinMs: random.chance(0.25) ? random.between(500, 15_000) : undefined,
    hook: random.chance(0.5) ? WEBHOOK_EVENTS.filter(() => random.chance(0.6)) : [],
    idempotency: hasKey ? { key: `k${random.between(0, 2)}`, hash: `h${random.between(0, 1)}` } : undefined,
    cancelAfterMs: random.chance(0.25) ? random.between(0, 15_000) : undefined,
    retries: isUsual && random.chance(0.6) ? random.between(1, 2) : 0,
    fate: {
      passing: fate === "restless" ? 0 : of.moods.passing,
      lasting: isUsual && random.chance(0.3) ? 0.2 : 0,
      interrupted: fate === "restless" ? 1 : random.chance(0.3) ? 0.1 : 0,
      isDeadly: fate === "deadly",
    },
  };
}

/** Tenants of unequal weight with much to do, one of which may come later than the others. */
function fairnessPlan(seed: number): Plan {
  const random = seededRandom(seed);
  const names = ["a", "b", "c"].slice(0, random.between(2, 3));
  const late = random.chance(0.5) ? random.between(0, names.length - 1) : -1;
  const tenants = names.map((name) => ({
    name,
    weight: random.pick([1, 2, 3]),
    costMax: 0,
    framesMax: 0,
    runningMax: 0,
  }));
  const jobs = names.flatMap((tenant, at) =>
    Array.from(
      { length: random.between(1, 2) },
      (_, of): JobPlan => ({
        name: `j${tenant}${of}`,
        tenant,
        model: "m0",
        priority: random.pick(PRIORITIES),
        frames: random.between(8, 12),
        steps: 1,
        units: random.pick([4, 8]),
        submitAtMs: at === late ? random.between(2_000, 4_000) : random.between(0, 5),
        startWithinMs: undefined,
        hook: [],
        idempotency: undefined,
        cancelAfterMs: undefined,
        retries: 0,
        fate: { passing: 0, lasting: 0, interrupted: 0, isDeadly: false },
      }),
    ),
  );
  const workers = [{ name: "w0", model: "m0", slots: 2 }];
  return {
    tenants,
    models: ["m0"],
    workers,
    jobs,
    faultRate: 0,
    crashes: 0,
    freezes: 0,
    keeperAheadMs: 0,
    healAtMs: 1_000,
    isFairness: true,
  };
}
