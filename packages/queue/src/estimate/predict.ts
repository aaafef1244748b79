import { type Eta, PRIORITIES, PRIORITY_WEIGHTS, type Priority } from "@latentfarm/contract";
import { costOfUnits } from "../jobs/job-record.js";
import {
  EMPTY_FLOW,
  type FlowLoad,
  flowList,
  type OrderSnapshot,
  type TenantLoad,
} from "./order-snapshot.js";

/** The part of a job that waits, and its place in its flow. */
export interface WaitingWork {
  readonly tenant: string;
  /** The tenant's share, for one that has nothing in the queue yet. */
  readonly weight: number;
  readonly priority: Priority;
  /** Units of the job's own frames that have not been released. */
  readonly ownUnits: number;
  /** Units of one frame. */
  readonly frameUnits: number;
  /** Units and frames of its flow that go before it. */
  readonly aheadUnits: number;
  readonly aheadFrames: number;
}

/** What is expected of it. */
export interface Prediction {
  /** Frames that go before its first one. */
  readonly position: number;
  /** Until its last frame is done; null while no rate is known. */
  readonly eta: Eta | null;
}

interface Work {
  readonly units: number;
  readonly frames: number;
}

const MS_PER_SECOND = 1_000;

/**
 * Predicts by fair shares: until a flow has let so much work go, each other class of its tenant lets go as much times
 * the ratio of their weights, at most what it holds, and so does each other tenant. What is released or runs comes first.
 */
export function predict(snapshot: OrderSnapshot, work: WaitingWork): Prediction {
  const before = workBeside(snapshot, work, work.aheadUnits);
  const whole = workBeside(snapshot, work, work.aheadUnits + work.ownUnits);
  const waiting = sumFlows(snapshot);
  const inFlight = Math.max(0, snapshot.openUnits - waiting.units);
  const ready = Math.max(0, snapshot.openFrames - snapshot.runningFrames - waiting.frames);
  const position = Math.round(ready + before.frames + work.aheadFrames);
  const cost = costOfUnits(inFlight + whole.units + work.aheadUnits + work.ownUnits);
  return { position, eta: etaOf(snapshot, { cost, frameCost: costOfUnits(work.frameUnits) }) };
}

/**
 * The time that so much work takes, in megapixel-steps, with its band; null while no rate is known. It is at least that
 * of one frame on one worker, however many are idle.
 */
export function etaOf(
  { rate, band, workers }: Pick<OrderSnapshot, "rate" | "band" | "workers">,
  work: { readonly cost: number; readonly frameCost: number },
): Eta | null {
  if (rate === null || rate <= 0) return null;
  const seconds = Math.max(work.cost, work.frameCost * workers) / rate;
  const round = (value: number) => Math.round(value * MS_PER_SECOND) / MS_PER_SECOND;
  return {
    seconds: round(seconds),
    low_seconds: round(seconds * band.low),
    high_seconds: round(seconds * band.high),
  };
}

/** What others let go until the job's flow has let `units` go. */
function workBeside({ tenants }: OrderSnapshot, work: WaitingWork, units: number): Work {
  const own = tenants.get(work.tenant);
  const classes = PRIORITIES.filter((priority) => priority !== work.priority).map((priority) =>
    share(
      own?.flows[priority] ?? EMPTY_FLOW,
      (units * PRIORITY_WEIGHTS[priority]) / PRIORITY_WEIGHTS[work.priority],
    ),
  );
  const inTenant = addUp(classes);
  const weight = own?.weight ?? work.weight;
  const others = [...tenants]
    .filter(([name]) => name !== work.tenant)
    .map(([, other]) => share(joined(other), ((units + inTenant.units) * other.weight) / weight));
  return addUp([inTenant, ...others]);
}

/** So much of what a flow holds, in units, and the frames that it is. */
function share(flow: FlowLoad, units: number): Work {
  const held = flow.given - flow.gone;
  if (held <= 0) return { units: 0, frames: 0 };
  const part = Math.min(1, units / held);
  return { units: held * part, frames: (flow.framesGiven - flow.framesGone) * part };
}

function addUp(works: readonly Work[]): Work {
  return works.reduce((sum, { units, frames }) => ({
    units: sum.units + units,
    frames: sum.frames + frames,
  }));
}

function joined(tenant: TenantLoad): FlowLoad {
  return flowList(tenant).reduce((sum, flow) => ({
    given: sum.given + flow.given,
    gone: sum.gone + flow.gone,
    framesGiven: sum.framesGiven + flow.framesGiven,
    framesGone: sum.framesGone + flow.framesGone,
  }));
}

function sumFlows({ tenants }: OrderSnapshot): Work {
  const held = [...tenants.values()].map((tenant) => share(joined(tenant), Number.POSITIVE_INFINITY));
  return addUp([{ units: 0, frames: 0 }, ...held]);
}
