import { PRIORITIES, type Priority } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import { readStrengths } from "../fleet/workers.js";
import { ETA_KEY, fairKey, loadKey, queueModel, tenantKey } from "../keys.js";
import { ETA_RATIO_BUCKETS, ETA_SAMPLES_MIN, SNAPSHOT_MS_MAX } from "../limits.js";
import { bounded } from "../redis/errors.js";

/** What waits in one flow: cumulative units and frames that it was given and has let go. */
export interface FlowLoad {
  readonly given: number;
  readonly gone: number;
  readonly framesGiven: number;
  readonly framesGone: number;
}

/** A tenant's flows of one model. */
export interface TenantLoad {
  readonly weight: number;
  readonly flows: Readonly<Record<Priority, FlowLoad>>;
}

/** The state of a model's queue that estimates are made of. */
export interface OrderSnapshot {
  readonly tenants: ReadonlyMap<string, TenantLoad>;
  /** Units of all unfinished frames, what is done of running ones taken off. */
  readonly openUnits: number;
  readonly openFrames: number;
  readonly runningFrames: number;
  /** Frames that the live workers take at once. */
  readonly slots: number;
  /** Live workers that are well. */
  readonly workers: number;
  /** Megapixel-steps a second of the live workers while busy; null before the first frame. */
  readonly rate: number | null;
  /** What nine of ten outcomes lie between, as parts of the prediction. */
  readonly band: { readonly low: number; readonly high: number };
}

/** A flow that never held anything. */
export const EMPTY_FLOW: FlowLoad = { given: 0, gone: 0, framesGiven: 0, framesGone: 0 };

/** The band while too few predictions have come out: half to twice. */
const BAND_UNKNOWN = { low: 0.5, high: 2 };

/** The share of outcomes on each side that the band leaves out. */
const TAIL = 0.05;

/** Reads the order of models, each at most `SNAPSHOT_MS_MAX` old; a busy gateway asks once a second. */
export class OrderSnapshots {
  readonly #redis: Redis;
  readonly #known = new Map<string, { readonly readMs: number; readonly snapshot: Promise<OrderSnapshot> }>();

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** @throws {FarmError} queue_unavailable */
  async get(model: string): Promise<OrderSnapshot> {
    const known = this.#known.get(model);
    const now = performance.now();
    if (known !== undefined && now - known.readMs < SNAPSHOT_MS_MAX) return known.snapshot;
    const entry = { readMs: now, snapshot: readSnapshot(this.#redis, model) };
    this.#known.set(model, entry);
    entry.snapshot.catch(() => {
      if (this.#known.get(model) === entry) this.#known.delete(model);
    });
    return entry.snapshot;
  }
}

/**
 * Reads the order of one model as it is now.
 * @throws {FarmError} queue_unavailable
 */
export async function readSnapshot(redis: Redis, model: string): Promise<OrderSnapshot> {
  const key = queueModel(model);
  const [fair, load, eta, all] = await Promise.all([
    bounded("read the order", () => redis.hgetall(fairKey(key))),
    bounded("read the load", () => redis.hgetall(loadKey(key))),
    bounded("read the calibration", () => redis.hgetall(ETA_KEY)),
    readStrengths(redis),
  ]);
  const names = [...new Set(Object.keys(load).map((field) => field.split("|")[1] ?? ""))];
  const weights = await Promise.all(
    names.map((name) => bounded("read a weight", () => redis.hget(tenantKey(name), "weight"))),
  );
  const workers = all.filter((worker) => worker.model === model);
  const rates = workers.flatMap(({ rate }) => rate ?? []);
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / Math.max(1, rates.length);
  return {
    tenants: new Map(
      names.map((name, at) => [name, { weight: Number(weights[at] ?? 1), flows: flowsOf(load, name) }]),
    ),
    openUnits: Math.max(0, numberOf(fair.cost) - numberOf(fair.done)),
    openFrames: numberOf(fair.frames),
    runningFrames: numberOf(fair.running),
    slots: workers.reduce((sum, worker) => sum + worker.slots, 0),
    workers: workers.length,
    // A worker that has not drawn yet is taken for one like the others.
    rate: rates.length === 0 ? null : mean * workers.length,
    band: bandOf(eta),
  };
}

function flowsOf(load: Readonly<Record<string, string>>, tenant: string): TenantLoad["flows"] {
  const flow = (priority: Priority): FlowLoad => {
    const value = (kind: string) => numberOf(load[`${kind}|${tenant}|${priority}`]);
    return { given: value("e"), gone: value("d"), framesGiven: value("en"), framesGone: value("dn") };
  };
  return { low: flow("low"), normal: flow("normal"), high: flow("high") };
}

/** The ratios of actual to predicted between which nine of ten outcomes lay, by the buckets that they fell into. */
function bandOf(eta: Readonly<Record<string, string>>): OrderSnapshot["band"] {
  const counts = [...ETA_RATIO_BUCKETS.map(String), "inf"].map((bound) => numberOf(eta[`le:${bound}`]));
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (total < ETA_SAMPLES_MIN) return BAND_UNKNOWN;
  const bounds = [0, ...ETA_RATIO_BUCKETS, 2 * (ETA_RATIO_BUCKETS.at(-1) ?? 1)];
  const at = (share: number, side: 0 | 1): number => {
    let seen = 0;
    const bucket = counts.findIndex((n) => {
      seen += n;
      return seen > share * total;
    });
    return bounds[bucket + side] ?? 1;
  };
  return { low: at(TAIL, 0), high: at(1 - TAIL, 1) };
}

/** The priorities in a fixed order, for sums over a tenant's flows. */
export function flowList({ flows }: TenantLoad): readonly FlowLoad[] {
  return PRIORITIES.map((priority) => flows[priority]);
}

function numberOf(text: string | undefined): number {
  return Number(text ?? 0);
}
