import { type Random, type Schedule, WorkRate } from "@latentfarm/queue/testing";
import {
  type ColdStart,
  type GpuClass,
  HOUR_MS,
  NODE_KEPT_MS,
  REPLACED_AFTER_MS,
  type Spot,
} from "./assumptions.js";
import { DrawingGpu } from "./drawing-gpu.js";

/** A machine, paid from its order to its end. */
interface Node {
  readonly bornMs: number;
  endMs: number | undefined;
  /** Its end has been told. */
  isDoomed: boolean;
  pod: Pod | undefined;
  /** Counts the pods that it has had. */
  uses: number;
}

/** A worker in its pod. `dead` is one whose node went away and that nobody has missed yet. */
export interface Pod {
  readonly id: string;
  readonly gpu: DrawingGpu;
  readonly rate: WorkRate;
  readonly node: Node;
  state: "starting" | "ready" | "draining" | "dead" | "gone";
  readyMs: number;
  /** When those that are still in flight are given back. */
  drainUntilMs: number;
}

/** What others do when something comes to a pod. */
export interface FleetHooks {
  readonly ready: (pod: Pod) => Promise<void>;
  /** It takes no more frames; {@link Fleet.leave} ends it. */
  readonly drain: (pod: Pod) => Promise<void>;
  readonly lost: (pod: Pod) => Promise<void>;
}

/** What a fleet is made of. */
export interface FleetPlan {
  readonly name: string;
  readonly gpu: GpuClass;
  readonly coldStart: ColdStart;
  /** What comes to spot nodes; absent on demand. */
  readonly spot?: Spot;
  readonly drainMs: number;
}

/** A pool's pods and nodes: a Deployment, its ReplicaSet and a provisioner of nodes. */
export class Fleet {
  readonly plan: FleetPlan;
  readonly pods = new Set<Pod>();
  readonly #schedule: Schedule;
  readonly #random: Random;
  readonly #hooks: FleetHooks;
  readonly #nodes: Node[] = [];
  #replicas = 0;
  #started = 0;

  constructor(plan: FleetPlan, parts: { schedule: Schedule; random: Random; hooks: FleetHooks }) {
    this.plan = plan;
    this.#schedule = parts.schedule;
    this.#random = parts.random;
    this.#hooks = parts.hooks;
  }

  /** Pods that count for the Deployment: those that leave do not. */
  get active(): readonly Pod[] {
    return [...this.pods].filter(({ state }) => state !== "draining");
  }

  get replicas(): number {
    return this.#replicas;
  }

  get ready(): readonly Pod[] {
    return [...this.pods].filter(({ state }) => state === "ready");
  }

  /** Pods that were ever started. */
  get started(): number {
    return this.#started;
  }

  /** Hours of nodes that were paid by now. */
  paidHours(nowMs: number): number {
    const paidMs = this.#nodes.reduce((sum, { bornMs, endMs }) => sum + (endMs ?? nowMs) - bornMs, 0);
    return paidMs / HOUR_MS;
  }

  get pricePerHour(): number {
    const { gpu, spot } = this.plan;
    return spot === undefined ? gpu.onDemandPerHour : gpu.spotPerHour;
  }

  /** Says how many pods there are to be. */
  async setReplicas(count: number): Promise<void> {
    this.#replicas = count;
    await this.#reconcile();
  }

  /** A drained pod is done. */
  async leave(pod: Pod): Promise<void> {
    this.pods.delete(pod);
    pod.state = "gone";
    this.#vacate(pod.node);
  }

  async #reconcile(): Promise<void> {
    const active = this.active;
    for (let missing = this.#replicas - active.length; missing > 0; missing--) this.#start();
    const victims = active.toSorted(compareVictims).slice(0, Math.max(0, active.length - this.#replicas));
    for (const pod of victims) await this.#stop(pod);
  }

  #start(): void {
    const { schedule, plan } = this.#own;
    const node = this.#nodes.find((one) => one.endMs === undefined && one.pod === undefined && !one.isDoomed);
    const { coldStart } = plan;
    const isWarm = node !== undefined;
    const parts = isWarm
      ? [coldStart.load]
      : [coldStart.node, coldStart.image, coldStart.cache, coldStart.load];
    const waitMs = parts.reduce((sum, [low, high]) => sum + this.#random.between(low, high), 0);
    const home = node ?? this.#order();
    const pod: Pod = {
      id: `${plan.name}-${this.#started++}`,
      gpu: new DrawingGpu(plan.gpu, schedule.nowMs),
      rate: new WorkRate(() => schedule.nowMs),
      node: home,
      state: "starting",
      readyMs: Number.POSITIVE_INFINITY,
      drainUntilMs: Number.POSITIVE_INFINITY,
    };
    home.pod = pod;
    home.uses++;
    this.pods.add(pod);
    schedule.after(waitMs, async () => {
      if (pod.state !== "starting") return;
      pod.state = "ready";
      pod.readyMs = schedule.nowMs;
      pod.gpu.advance(schedule.nowMs);
      await this.#hooks.ready(pod);
    });
  }

  get #own() {
    return { schedule: this.#schedule, plan: this.plan };
  }

  #order(): Node {
    const { schedule, plan } = this.#own;
    const node: Node = { bornMs: schedule.nowMs, endMs: undefined, isDoomed: false, pod: undefined, uses: 0 };
    this.#nodes.push(node);
    const { spot } = plan;
    if (spot === undefined || spot.endsPerHour === 0) return node;
    const endMs = (-Math.log(1 - this.#random.next()) / spot.endsPerHour) * HOUR_MS;
    if (this.#random.chance(spot.toldShare)) {
      schedule.after(Math.max(0, endMs - spot.noticeMs), () => this.#doom(node));
    }
    schedule.after(endMs, () => this.#end(node));
    return node;
  }

  /** The end of a node is told: its pod leaves, and is replaced at once. */
  async #doom(node: Node): Promise<void> {
    if (node.endMs !== undefined) return;
    node.isDoomed = true;
    if (node.pod === undefined) node.endMs = this.#schedule.nowMs;
    else if (node.pod.state !== "draining") await this.#stop(node.pod);
    await this.#reconcile();
  }

  /** A node ends, with what is on it. */
  async #end(node: Node): Promise<void> {
    if (node.endMs !== undefined) return;
    const { pod } = node;
    node.endMs = this.#schedule.nowMs;
    node.pod = undefined;
    if (pod === undefined) return;
    const wasCounted = pod.state !== "draining";
    const hadFrames = pod.state !== "starting";
    pod.state = wasCounted ? "dead" : "gone";
    if (!wasCounted) this.pods.delete(pod);
    if (hadFrames) await this.#hooks.lost(pod);
    this.#schedule.after(REPLACED_AFTER_MS, async () => {
      this.pods.delete(pod);
      pod.state = "gone";
      await this.#reconcile();
    });
  }

  async #stop(pod: Pod): Promise<void> {
    if (pod.state === "dead") return;
    if (pod.state === "starting") return this.leave(pod);
    pod.state = "draining";
    pod.drainUntilMs = this.#schedule.nowMs + this.plan.drainMs;
    await this.#hooks.drain(pod);
  }

  #vacate(node: Node): void {
    node.pod = undefined;
    if (node.endMs !== undefined) return;
    if (node.isDoomed) {
      node.endMs = this.#schedule.nowMs;
      return;
    }
    const { uses } = node;
    this.#schedule.after(NODE_KEPT_MS, () => {
      if (node.pod === undefined && node.uses === uses) node.endMs ??= this.#schedule.nowMs;
    });
  }
}

/** Whom a ReplicaSet takes first: pods that are not ready, then those of the least deletion cost, then the newest. */
function compareVictims(one: Pod, other: Pod): number {
  const isReady = (pod: Pod) => Number(pod.state === "ready");
  return (
    isReady(one) - isReady(other) || one.gpu.frames - other.gpu.frames || other.readyMs - one.readyMs || 0
  );
}
