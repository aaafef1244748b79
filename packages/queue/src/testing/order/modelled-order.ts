import { invariant, PRIORITIES, PRIORITY_WEIGHTS, type Priority } from "@latentfarm/contract";
import { LOST_ATTEMPTS_MAX, TAG_SCALE, WINDOW_MAX, WINDOW_MIN, WINDOW_SLOTS } from "../../limits.js";
import type { FrameOrder, OrderBooks, OrderedJob, OrderedTenant, TakenFrame } from "./frame-order.js";

/** The higher class first: so do equals go. */
const CLASSES = [...PRIORITIES].sort((one, other) => PRIORITY_WEIGHTS[other] - PRIORITY_WEIGHTS[one]);

interface Job extends OrderedJob {
  next: number;
}

interface Tenant extends OrderedTenant {
  /** The start tag of its next frame, while it takes part. */
  tag: number | undefined;
  /** Its last finish tag. */
  finish: number;
  /** Its own virtual time. */
  now: number;
  readonly classTags: Map<Priority, number>;
  readonly flows: Readonly<Record<Priority, Job[]>>;
  /** Frames of it that are released and have not ended. */
  out: number;
  isHeld: boolean;
}

interface Frame {
  readonly job: Job;
  readonly index: number;
  tag: number;
  attempt: number;
  isOpen: boolean;
  isRunning: boolean;
  step: number;
  saved: number;
  lost: number;
}

/**
 * The same order in memory, a hundred times faster: what the scripts RELEASE, CLAIM, COMMIT and LEAVE do to it, line by
 * line, and nothing of records, events and locks. A test plays both side by side; who changes the scripts changes this.
 */
export class ModelledOrder implements FrameOrder {
  readonly #tenants = new Map<string, Tenant>();
  readonly #frames = new Map<string, Frame>();
  readonly #slots = new Map<string, number>();
  /** Frames that came back, in their order: they go before those that are released. */
  readonly #front: Frame[] = [];
  /** Released frames by tag, in the order of their release where tags are equal. */
  readonly #window: Frame[] = [];
  #v = 0;
  #tokens = 0;
  #cost = 0;
  #done = 0;
  #open = 0;
  #running = 0;

  async setTenant(tenant: OrderedTenant): Promise<void> {
    this.#tenants.set(tenant.name, {
      ...tenant,
      tag: undefined,
      finish: 0,
      now: 0,
      classTags: new Map(),
      flows: { low: [], normal: [], high: [] },
      out: 0,
      isHeld: false,
    });
  }

  async submit(job: OrderedJob, _nowMs: number): Promise<void> {
    const tenant = this.#tenant(job.tenant);
    const flow = tenant.flows[job.priority];
    if (flow.length === 0) {
      tenant.classTags.set(job.priority, Math.max(tenant.classTags.get(job.priority) ?? 0, tenant.now));
    }
    flow.push({ ...job, next: 0 });
    this.#cost += job.stepUnits * job.steps * job.frames;
    this.#open += job.frames;
    if (!tenant.isHeld) this.#activate(tenant);
    this.#fill();
  }

  async announce(worker: string, slots: number, _nowMs: number): Promise<void> {
    this.#slots.set(worker, slots);
    this.#fill();
  }

  async retire(worker: string, _nowMs: number): Promise<void> {
    this.#slots.delete(worker);
  }

  async take(worker: string, _nowMs: number): Promise<TakenFrame | undefined> {
    const token = `${worker}:${this.#tokens++}`;
    const back = this.#front.shift();
    const frame = back ?? this.#window.shift();
    if (frame === undefined) return undefined;
    if (back === undefined) this.#v = Math.max(this.#v, frame.tag);
    if (frame.isOpen) {
      frame.lost++;
      invariant(frame.lost < LOST_ATTEMPTS_MAX, "no frame is lost as often as fails it");
      this.#leave(frame);
    }
    frame.attempt++;
    frame.isOpen = true;
    this.#setStep(frame, frame.saved);
    frame.isRunning = true;
    this.#running++;
    this.#fill();
    const { job, index, attempt, saved } = frame;
    return { job: job.id, index, attempt, token, worker, saved };
  }

  async progress(frame: TakenFrame, step: number, _nowMs: number): Promise<void> {
    this.#setStep(this.#frame(frame), step);
  }

  async save(frame: TakenFrame, step: number, _nowMs: number): Promise<void> {
    this.#frame(frame).saved = step;
  }

  async commit(taken: TakenFrame, _nowMs: number): Promise<void> {
    const frame = this.#frame(taken);
    const { job } = frame;
    this.#leave(frame);
    this.#setStep(frame, 0);
    this.#cost -= job.stepUnits * job.steps;
    this.#open--;
    this.#frames.delete(memberOf(taken));
    const tenant = this.#tenant(job.tenant);
    tenant.out--;
    if (!tenant.isHeld) return;
    tenant.isHeld = false;
    this.#activate(tenant);
    this.#fill();
  }

  async giveBack(taken: TakenFrame, _nowMs: number): Promise<void> {
    const frame = this.#frame(taken);
    frame.isOpen = false;
    this.#leave(frame);
    this.#setStep(frame, frame.saved);
    this.#front.push(frame);
  }

  async lose(taken: TakenFrame, _nowMs: number): Promise<void> {
    this.#front.push(this.#frame(taken));
  }

  async books(): Promise<OrderBooks> {
    return { openUnits: this.#cost - this.#done, openFrames: this.#open, runningFrames: this.#running };
  }

  /** The tenant of the least tag lets a frame go, until the window is full; stands for RELEASE. */
  #fill(): void {
    const slots = [...this.#slots.values()].reduce((sum, count) => sum + count, 0);
    const window = Math.min(WINDOW_MAX, Math.max(WINDOW_MIN, Math.ceil(slots * WINDOW_SLOTS)));
    while (this.#window.length < window) {
      const tenant = this.#first();
      if (tenant === undefined) return;
      const priority = nextClass(tenant);
      if (priority === undefined) this.#rest(tenant);
      else if (tenant.runningFramesMax > 0 && tenant.out >= tenant.runningFramesMax) {
        tenant.tag = undefined;
        tenant.isHeld = true;
      } else this.#release(tenant, priority);
    }
  }

  #release(tenant: Tenant, priority: Priority): void {
    const flow = tenant.flows[priority];
    const job = flow[0];
    if (job === undefined || job.next >= job.frames) {
      flow.shift();
      return;
    }
    const tag = tenant.tag ?? 0;
    const units = job.stepUnits * job.steps;
    const after = (from: number, weight: number) =>
      from + Math.max(1, Math.floor((units * TAG_SCALE) / weight));
    tenant.tag = after(tag, tenant.weight > 0 ? tenant.weight : 1);
    tenant.finish = tenant.tag;
    tenant.now = tenant.classTags.get(priority) ?? 0;
    tenant.classTags.set(priority, after(tenant.now, PRIORITY_WEIGHTS[priority]));
    tenant.out++;
    const index = job.next++;
    const state = { attempt: 0, isOpen: false, isRunning: false, step: 0, saved: 0, lost: 0 };
    const frame: Frame = { job, index, tag, ...state };
    this.#frames.set(memberOf({ job: job.id, index }), frame);
    const at = this.#window.findLastIndex((other) => other.tag <= tag);
    this.#window.splice(at + 1, 0, frame);
  }

  /** A tenant with nothing to release takes no part, and keeps no credit. */
  #rest(tenant: Tenant): void {
    tenant.tag = undefined;
    tenant.now = 0;
    tenant.classTags.clear();
    if (tenant.finish <= this.#v) tenant.finish = 0;
  }

  #activate(tenant: Tenant): void {
    tenant.tag ??= Math.max(this.#v, tenant.finish);
  }

  /** Of equal tags the first name, as a sorted set of Redis has it. */
  #first(): Tenant | undefined {
    let first: Tenant | undefined;
    for (const tenant of this.#tenants.values()) {
      if (tenant.tag === undefined) continue;
      const isLess = first?.tag === undefined || tenant.tag < first.tag;
      if (isLess || (tenant.tag === first?.tag && tenant.name < first.name)) first = tenant;
    }
    return first;
  }

  #leave(frame: Frame): void {
    if (frame.isRunning) this.#running--;
    frame.isRunning = false;
  }

  #setStep(frame: Frame, step: number): void {
    this.#done += (step - frame.step) * frame.job.stepUnits;
    frame.step = step;
  }

  #tenant(name: string): Tenant {
    const tenant = this.#tenants.get(name);
    if (tenant === undefined) throw new RangeError(`Cannot find a tenant: name is ${name}`);
    return tenant;
  }

  #frame(taken: TakenFrame): Frame {
    const frame = this.#frames.get(memberOf(taken));
    invariant(frame?.attempt === taken.attempt, "only the attempt that stands speaks for its frame");
    return frame;
  }
}

function nextClass({ flows, classTags }: Tenant): Priority | undefined {
  const waiting = CLASSES.filter((priority) => flows[priority].length > 0);
  const least = Math.min(...waiting.map((priority) => classTags.get(priority) ?? 0));
  return waiting.find((priority) => (classTags.get(priority) ?? 0) === least);
}

function memberOf({ job, index }: { readonly job: string; readonly index: number }): string {
  return `${job}-${index}`;
}
