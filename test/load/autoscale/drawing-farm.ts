import { PRIORITY_WEIGHTS } from "@latentfarm/contract";
import type { FrameOrder, Random, Schedule, TakenFrame } from "@latentfarm/queue/testing";
import { LOCK_LOST_MS, SNAPSHOT_STEPS } from "./assumptions.js";
import { type DayJob, megapixels, UNITS_PER_MEGAPIXEL } from "./day-of-load.js";
import type { Pod } from "./fleet.js";

/** A frame that was drawn. */
export interface DrawnFrame {
  readonly job: DayJob;
  readonly index: number;
  /** Milliseconds from the job's submit to the picture. */
  readonly ms: number;
}

/** A frame in the hands of a worker. */
interface Flight {
  readonly taken: TakenFrame;
  readonly job: DayJob;
  /** The step that the farm knows of. */
  told: number;
}

/** A worker as the farm has it. */
interface Worker {
  readonly pod: Pod;
  readonly slots: number;
  readonly flights: Map<string, Flight>;
  /** Counts what changes its end: a wake-up of an earlier count is void. */
  changes: number;
}

/** Milliseconds until the farm forgets a worker that is silent. Source: packages/queue, WORKER_KEPT_MS. */
const WORKER_KEPT_MS = 15_000;

/** The farm between its order and its workers: who draws what, and what becomes of it when a worker leaves. */
export class DrawingFarm {
  readonly drawn: DrawnFrame[] = [];
  /** Megapixel-steps that were drawn and lost. */
  wasted = 0;
  /** Attempts that ended without a picture. */
  interruptions = 0;
  readonly #order: FrameOrder;
  readonly #schedule: Schedule;
  readonly #random: Random;
  readonly #jobs: ReadonlyMap<string, DayJob>;
  readonly #isSaving: boolean;
  readonly #leave: (pod: Pod) => Promise<void>;
  readonly #workers = new Map<Pod, Worker>();
  /** Workers that may have a free place; who waits longest is first. */
  readonly #idle = new Set<Worker>();
  /** Workers that the farm takes for live, though nobody is there any more. */
  #silent = 0;

  constructor(parts: {
    readonly order: FrameOrder;
    readonly schedule: Schedule;
    readonly random: Random;
    readonly jobs: readonly DayJob[];
    readonly isSaving: boolean;
    /** Called with a drained pod that has nothing left. */
    readonly leave: (pod: Pod) => Promise<void>;
  }) {
    this.#order = parts.order;
    this.#schedule = parts.schedule;
    this.#random = parts.random;
    this.#jobs = new Map(parts.jobs.map((job) => [job.id, job]));
    this.#isSaving = parts.isSaving;
    this.#leave = parts.leave;
  }

  /** Workers that the farm takes for live. */
  get workers(): number {
    return this.#workers.size + this.#silent;
  }

  /** Megapixel-steps a second of those workers: the mean of the measured ones for each. Source: estimate/order-snapshot.ts. */
  get rate(): number | null {
    const rates = [...this.#workers.keys()].flatMap(({ rate }) => rate.value ?? []);
    return rates.length === 0
      ? null
      : (rates.reduce((sum, one) => sum + one, 0) / rates.length) * this.workers;
  }

  async submit(job: DayJob): Promise<void> {
    const { id, tenant, priority, frames, steps } = job;
    const stepUnits = megapixels(job) * UNITS_PER_MEGAPIXEL;
    await this.#order.submit({ id, tenant, priority, frames, steps, stepUnits }, this.#schedule.nowMs);
    await this.#dispatch();
  }

  /** A worker is ready for its first frame. */
  async welcome(pod: Pod, slots: number): Promise<void> {
    const worker: Worker = { pod, slots, flights: new Map(), changes: 0 };
    this.#workers.set(pod, worker);
    await this.#order.announce(pod.id, slots, this.#schedule.nowMs);
    this.#idle.add(worker);
    await this.#dispatch();
  }

  /** A worker takes no more frames; what it has not drawn by its deadline goes back. */
  async drain(pod: Pod): Promise<void> {
    const worker = this.#workers.get(pod);
    if (worker === undefined) return;
    if (worker.flights.size === 0) return this.#retire(worker);
    this.#schedule.after(pod.drainUntilMs - this.#schedule.nowMs, async () => {
      if (this.#workers.get(pod) !== worker) return;
      for (const flight of [...worker.flights.values()]) await this.#giveBack(worker, flight);
      await this.#retire(worker);
      await this.#dispatch();
    });
  }

  /** A worker is gone without a word: its locks run out, and later the farm forgets it. */
  async lose(pod: Pod): Promise<void> {
    const worker = this.#workers.get(pod);
    if (worker === undefined) return;
    this.#workers.delete(pod);
    this.#silent++;
    worker.changes++;
    pod.gpu.advance(this.#schedule.nowMs);
    const left = [...worker.flights].map(([key, flight]) => ({ flight, step: pod.gpu.stepOf(key) }));
    for (const { flight, step } of left) {
      const kept = Math.max(flight.taken.saved, Math.floor(step / SNAPSHOT_STEPS) * SNAPSHOT_STEPS);
      await this.#keep(flight, step, this.#isSaving ? kept : flight.taken.saved);
    }
    this.#schedule.after(this.#random.between(...LOCK_LOST_MS), async () => {
      for (const { flight } of left) await this.#order.lose(flight.taken, this.#schedule.nowMs);
      await this.#dispatch();
    });
    this.#schedule.after(WORKER_KEPT_MS, async () => {
      this.#silent--;
      await this.#order.retire(pod.id, this.#schedule.nowMs);
    });
  }

  /** Tells the steps that are done, as workers do: the backlog shrinks by them. */
  async tellProgress(): Promise<void> {
    const { nowMs } = this.#schedule;
    const calls: Promise<void>[] = [];
    for (const { pod, flights } of this.#workers.values()) {
      pod.gpu.advance(nowMs);
      for (const [key, flight] of flights) {
        const step = pod.gpu.stepOf(key);
        if (step === flight.told) continue;
        flight.told = step;
        calls.push(this.#order.progress(flight.taken, step, nowMs));
      }
    }
    await Promise.all(calls);
  }

  /** Hands frames to workers with free places in turns, as long as both are there. */
  async #dispatch(): Promise<void> {
    // A worker that is added again in the loop comes up again, at the end.
    for (const worker of this.#idle) {
      const isFree = worker.pod.state === "ready" && worker.flights.size < worker.slots;
      const taken = isFree ? await this.#order.take(worker.pod.id, this.#schedule.nowMs) : undefined;
      if (isFree && taken === undefined) return;
      this.#idle.delete(worker);
      if (taken === undefined) continue;
      this.#begin(worker, taken);
      this.#idle.add(worker);
    }
  }

  #begin(worker: Worker, taken: TakenFrame): void {
    const job = this.#jobs.get(taken.job);
    if (job === undefined) throw new RangeError(`Cannot draw a job that nobody sent: job is ${taken.job}`);
    const { pod, flights } = worker;
    if (pod.state !== "ready") throw new Error(`Cannot draw on a pod: state is ${pod.state}`);
    const key = `${taken.job}-${taken.index}`;
    flights.set(key, { taken, job, told: taken.saved });
    pod.rate.begin();
    const { side, steps, priority } = job;
    const frame = { key, side, steps, from: taken.saved, weight: PRIORITY_WEIGHTS[priority] };
    pod.gpu.add(frame, this.#schedule.nowMs);
    this.#watch(worker);
  }

  /** Looks again when the worker's next frame is done, unless something changes before. */
  #watch(worker: Worker): void {
    const changes = ++worker.changes;
    const next = worker.pod.gpu.next();
    if (next === undefined) return;
    this.#schedule.after(next.waitMs, async () => {
      if (worker.changes === changes) await this.#finish(worker, next.key);
    });
  }

  async #finish(worker: Worker, key: string): Promise<void> {
    const { pod, flights } = worker;
    const flight = flights.get(key);
    if (flight === undefined)
      throw new RangeError(`Cannot finish a frame: it is not with its worker: ${key}`);
    const { nowMs } = this.#schedule;
    const { job, taken } = flight;
    pod.gpu.remove(key, nowMs);
    flights.delete(key);
    pod.rate.end((job.steps - taken.saved) * megapixels(job));
    await this.#order.commit(taken, nowMs);
    this.drawn.push({ job, index: taken.index, ms: nowMs - job.atMs });
    this.#watch(worker);
    if (pod.state === "draining" && flights.size === 0) await this.#retire(worker);
    else this.#idle.add(worker);
    await this.#dispatch();
  }

  /** A drain is over for a frame: it leaves a snapshot of what is done and goes back. */
  async #giveBack(worker: Worker, flight: Flight): Promise<void> {
    const { pod, flights } = worker;
    const { nowMs } = this.#schedule;
    const key = `${flight.taken.job}-${flight.taken.index}`;
    pod.gpu.advance(nowMs);
    const step = pod.gpu.stepOf(key);
    pod.gpu.remove(key, nowMs);
    flights.delete(key);
    pod.rate.end((step - flight.taken.saved) * megapixels(flight.job));
    await this.#keep(flight, step, this.#isSaving ? step : flight.taken.saved);
    await this.#order.giveBack(flight.taken, nowMs);
  }

  /** Of the steps that are done so many are kept; the rest is drawn again. */
  async #keep({ taken, job }: Flight, step: number, kept: number): Promise<void> {
    this.interruptions++;
    this.wasted += (step - kept) * megapixels(job);
    if (kept > taken.saved) await this.#order.save(taken, kept, this.#schedule.nowMs);
  }

  async #retire(worker: Worker): Promise<void> {
    worker.changes++;
    this.#workers.delete(worker.pod);
    await this.#order.retire(worker.pod.id, this.#schedule.nowMs);
    await this.#leave(worker.pod);
  }
}
