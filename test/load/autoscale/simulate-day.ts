import { type FrameOrder, Schedule, seededRandom } from "@latentfarm/queue/testing";
import { HOUR_MS } from "./assumptions.js";
import { type DayJob, type DayOfLoad, megapixels, UNITS_PER_MEGAPIXEL } from "./day-of-load.js";
import { DrawingFarm, type DrawnFrame } from "./drawing-farm.js";
import { FarmSamples, SCRAPE_MS, type StateSample } from "./farm-samples.js";
import { Fleet, type FleetPlan, type Pod } from "./fleet.js";
import { KedaScaler, type KedaSettings } from "./keda-scaler.js";
import type { Signal } from "./scaling-signals.js";

/** A signal and the ScaledObject that follows it. */
export interface FollowedSignal {
  readonly signal: Signal;
  readonly keda: KedaSettings;
  /** Megapixel-steps a second of one worker, as the chart is told. */
  readonly configuredRate: number;
}

/** A pool of workers and how it is scaled. */
export interface PoolPlan extends FleetPlan {
  /** Frames that a worker takes at once. */
  readonly slots: number;
  /** Its share of the model's work, for the signal. */
  readonly share: number;
  readonly scaling: { readonly replicas: number } | FollowedSignal;
}

/** One day of one farm. */
export interface DayPlan {
  readonly day: DayOfLoad;
  readonly seed: number;
  readonly pools: readonly PoolPlan[];
  /** Whether interrupted frames go on from their snapshots. */
  readonly isSaving: boolean;
  /** When Prometheus answers nobody, in milliseconds of the day. */
  readonly prometheusAway?: readonly (readonly [fromMs: number, toMs: number])[];
}

/** A change of what is wanted. */
export interface ScaleEvent {
  readonly atMs: number;
  readonly pool: string;
  readonly from: number;
  readonly to: number;
}

/** What a day came to. */
export interface DayRecord {
  readonly day: DayOfLoad;
  readonly drawn: readonly DrawnFrame[];
  readonly samples: readonly StateSample[];
  readonly scaled: readonly ScaleEvent[];
  /** Pods that were started. */
  readonly pods: number;
  readonly gpuHours: number;
  readonly dollars: number;
  /** Megapixel-steps that were drawn and lost. */
  readonly wasted: number;
  readonly interruptions: number;
  readonly endMs: number;
}

/** Milliseconds between two turns of an HPA, and when within them it and KEDA ask Prometheus. */
const HPA_MS = 15_000;
const HPA_OFFSET_MS = 7_000;
const POLL_OFFSET_MS = 3_000;

/** Milliseconds of samples that signals look at. */
const RECENT_MS = 60_000;

/** Milliseconds after its end at which a day is stuck. */
const OVERTIME_MS = 24 * HOUR_MS;

/**
 * Plays a day: jobs come, the order hands frames out, workers draw them, nodes come and go, an autoscaler looks on. One
 * plan gives one record, whichever way the order is made.
 * @throws {Error} frames are left a day after the day
 */
export async function simulateDay(plan: DayPlan, order: FrameOrder): Promise<DayRecord> {
  const day = new DaySimulation(plan, order);
  await day.run();
  return day.record();
}

class DaySimulation {
  readonly #plan: DayPlan;
  readonly #order: FrameOrder;
  readonly #schedule = new Schedule(0);
  readonly #samples: FarmSamples;
  readonly #farm: DrawingFarm;
  readonly #fleets: readonly { readonly pool: PoolPlan; readonly fleet: Fleet }[];
  readonly #frames: number;
  /** Busy milliseconds of each pod at the scrape before. */
  readonly #busy = new Map<Pod, number>();
  readonly #scaled: ScaleEvent[] = [];
  #isOver = false;

  constructor(plan: DayPlan, order: FrameOrder) {
    const { day, seed, isSaving } = plan;
    const schedule = this.#schedule;
    this.#plan = plan;
    this.#order = order;
    this.#samples = new FarmSamples(plan.prometheusAway);
    this.#frames = day.jobs.reduce((sum, { frames }) => sum + frames, 0);
    const random = seededRandom(seed + 0x5ca1e);
    const leave = async (pod: Pod) => {
      await this.#fleets.find(({ fleet }) => fleet.pods.has(pod))?.fleet.leave(pod);
    };
    const farm = new DrawingFarm({ order, schedule, random, jobs: day.jobs, isSaving, leave });
    this.#farm = farm;
    this.#fleets = plan.pools.map((pool, at) => {
      const hooks = {
        ready: (pod: Pod) => farm.welcome(pod, pool.slots),
        drain: (pod: Pod) => farm.drain(pod),
        lost: (pod: Pod) => farm.lose(pod),
      };
      return { pool, fleet: new Fleet(pool, { schedule, random: seededRandom(seed * 31 + at), hooks }) };
    });
  }

  async run(): Promise<void> {
    const { day } = this.#plan;
    for (const tenant of day.tenants) await this.#order.setTenant(tenant);
    for (const job of day.jobs) this.#schedule.after(job.atMs, () => this.#farm.submit(job));
    this.#every(SCRAPE_MS, 0, () => this.#scrape());
    for (const { pool, fleet } of this.#fleets) await this.#startScaling(pool, fleet);
    while (!this.#isOver) {
      const act = this.#schedule.next();
      const { nowMs } = this.#schedule;
      if (act === undefined || nowMs > day.ms + OVERTIME_MS) {
        const { length } = this.#farm.drawn;
        throw new Error(`Cannot end the day: drawn is ${length} of ${this.#frames} frames`);
      }
      await act();
    }
  }

  record(): DayRecord {
    const { nowMs } = this.#schedule;
    const { drawn, wasted, interruptions } = this.#farm;
    const paid = this.#fleets.map(({ fleet }) => ({ hours: fleet.paidHours(nowMs), fleet }));
    return {
      day: this.#plan.day,
      drawn,
      samples: this.#samples.all,
      scaled: this.#scaled,
      pods: paid.reduce((sum, { fleet }) => sum + fleet.started, 0),
      gpuHours: paid.reduce((sum, { hours }) => sum + hours, 0),
      dollars: paid.reduce((sum, { hours, fleet }) => sum + hours * fleet.pricePerHour, 0),
      wasted,
      interruptions,
      endMs: nowMs,
    };
  }

  #every(ms: number, offsetMs: number, act: () => Promise<void>): void {
    const again = async () => {
      await act();
      this.#schedule.after(ms, again);
    };
    this.#schedule.after(offsetMs, again);
  }

  async #startScaling({ scaling, share }: PoolPlan, fleet: Fleet): Promise<void> {
    if ("replicas" in scaling) return this.#scale(fleet, scaling.replicas);
    const scaler = new KedaScaler(scaling.keda);
    const metric = () => this.#evaluate(scaling, share);
    const pods = () => ({ replicas: fleet.replicas, ready: fleet.ready.length });
    const now = () => this.#schedule.nowMs;
    await this.#scale(fleet, scaling.keda.hpa.min);
    this.#every(HPA_MS, HPA_OFFSET_MS, () => this.#scale(fleet, scaler.sync(now(), metric(), pods())));
    const pollMs = scaling.keda.pollingSeconds * 1_000;
    this.#every(pollMs, POLL_OFFSET_MS, () => this.#scale(fleet, scaler.poll(now(), metric(), pods())));
  }

  #evaluate({ signal, configuredRate }: FollowedSignal, share: number): number | undefined {
    const { nowMs } = this.#schedule;
    const recent = this.#samples.recent(nowMs, RECENT_MS);
    if (recent === undefined) return undefined;
    return signal({ recent, configuredRate, share, coming: (ms) => this.#coming(nowMs, ms) });
  }

  #coming(nowMs: number, ms: number): number {
    const soon = this.#plan.day.jobs.filter(({ atMs }) => atMs > nowMs && atMs <= nowMs + ms);
    return soon.reduce((sum, job) => sum + costOf(job), 0);
  }

  async #scale(fleet: Fleet, to: number): Promise<void> {
    const from = fleet.replicas;
    if (to === from) return;
    this.#scaled.push({ atMs: this.#schedule.nowMs, pool: fleet.plan.name, from, to });
    await fleet.setReplicas(to);
  }

  async #scrape(): Promise<void> {
    const { nowMs } = this.#schedule;
    await this.#farm.tellProgress();
    const { openUnits, openFrames, runningFrames } = await this.#order.books();
    const ready = this.#fleets.flatMap(({ fleet }) => fleet.ready);
    this.#samples.keep({
      atMs: nowMs,
      backlog: openUnits / UNITS_PER_MEGAPIXEL,
      queued: openFrames - runningFrames,
      running: runningFrames,
      workers: this.#farm.workers,
      rate: this.#farm.rate,
      busy: this.#busyShare(ready),
      ready: ready.length,
      replicas: this.#fleets.reduce((sum, { fleet }) => sum + fleet.replicas, 0),
    });
    this.#isOver = nowMs >= this.#plan.day.ms && this.#farm.drawn.length === this.#frames;
  }

  /** The mean share of the last scrape's period in which the GPUs of these drew. */
  #busyShare(ready: readonly Pod[]): number | null {
    const shares = ready.map((pod) => {
      const busyMs = pod.gpu.busyMs - (this.#busy.get(pod) ?? 0);
      this.#busy.set(pod, pod.gpu.busyMs);
      return Math.min(1, busyMs / SCRAPE_MS);
    });
    return shares.length === 0 ? null : shares.reduce((sum, one) => sum + one, 0) / shares.length;
  }
}

/** Megapixel-steps of a job. */
export function costOf(job: DayJob): number {
  return job.frames * job.steps * megapixels(job);
}
