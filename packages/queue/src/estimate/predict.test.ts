import type { Priority } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { costOfUnits } from "../jobs/job-record.js";
import { EMPTY_FLOW, type FlowLoad, type OrderSnapshot, type TenantLoad } from "./order-snapshot.js";
import { etaOf, predict, type WaitingWork } from "./predict.js";

/** Units of every frame here. */
const FRAME = 100;

/** A flow that holds so many frames, after others that have gone. */
function flow(frames: number): FlowLoad {
  return { given: (frames + 3) * FRAME, gone: 3 * FRAME, framesGiven: frames + 3, framesGone: 3 };
}

function tenant(weight: number, flows: Partial<Record<Priority, number>>): TenantLoad {
  const of = (priority: Priority) => (flows[priority] === undefined ? EMPTY_FLOW : flow(flows[priority]));
  return { weight, flows: { low: of("low"), normal: of("normal"), high: of("high") } };
}

/** A queue of these tenants, with so many frames besides that lie ready or run. */
function queue(
  tenants: Readonly<Record<string, TenantLoad>>,
  beside = { ready: 0, running: 0 },
): OrderSnapshot {
  const waiting = Object.values(tenants).flatMap(({ flows }) => Object.values(flows));
  const frames = waiting.reduce((sum, held) => sum + held.framesGiven - held.framesGone, 0);
  const openFrames = frames + beside.ready + beside.running;
  return {
    tenants: new Map(Object.entries(tenants)),
    openUnits: openFrames * FRAME,
    openFrames,
    runningFrames: beside.running,
    slots: 1,
    workers: 1,
    rate: costOfUnits(FRAME),
    band: { low: 0.5, high: 2 },
  };
}

function work(frames: number, more: Partial<WaitingWork> = {}): WaitingWork {
  return {
    tenant: "own",
    weight: 1,
    priority: "normal",
    ownUnits: frames * FRAME,
    frameUnits: FRAME,
    aheadUnits: 0,
    aheadFrames: 0,
    ...more,
  };
}

/** With one frame a second: position, and frames until the last is done. */
function predicted(snapshot: OrderSnapshot, wanted: WaitingWork) {
  const { position, eta } = predict(snapshot, wanted);
  return [position, Math.round(eta?.seconds ?? Number.NaN)];
}

describe("predict()", () => {
  it("expects a job on an idle farm at once", () => {
    expect(predicted(queue({}), work(5))).toEqual([0, 5]);
  });

  it("lets what runs and what lies ready go first", () => {
    expect(predicted(queue({}, { ready: 4, running: 2 }), work(5))).toEqual([4, 11]);
  });

  it("puts the frames of its own flow before it", () => {
    const snapshot = queue({ own: tenant(1, { normal: 30 }) });
    expect(predicted(snapshot, work(5, { aheadUnits: 30 * FRAME, aheadFrames: 30 }))).toEqual([30, 35]);
    expect(predicted(snapshot, work(5, { aheadUnits: 10 * FRAME, aheadFrames: 10 }))).toEqual([10, 15]);
  });

  it("shares with another tenant by weight, up to what that one holds", () => {
    expect(predicted(queue({ other: tenant(1, { low: 100 }) }), work(5))).toEqual([0, 10]);
    expect(predicted(queue({ other: tenant(3, { high: 100 }) }), work(5))).toEqual([0, 20]);
    expect(predicted(queue({ other: tenant(3, { high: 4, low: 3 }) }), work(5))).toEqual([0, 12]);
    expect(predicted(queue({ other: tenant(3, { high: 100 }) }), work(5, { weight: 3 }))).toEqual([0, 10]);
  });

  it("shares with the other classes of its tenant by 4 : 2 : 1", () => {
    const own = (flows: Partial<Record<Priority, number>>) => queue({ own: tenant(1, flows) });
    expect(predicted(own({ high: 100 }), work(5))).toEqual([0, 15]);
    expect(predicted(own({ low: 100 }), work(6))).toEqual([0, 9]);
    expect(predicted(own({ normal: 100, high: 3 }), work(4, { priority: "low" }))).toEqual([0, 15]);
  });

  it("gives another tenant its share beside all classes together", () => {
    const snapshot = queue({ own: tenant(1, { high: 100 }), other: tenant(1, { normal: 1_000 }) });
    // 5 of its own, 10 of the class above it, 15 of the other tenant.
    expect(predicted(snapshot, work(5))).toEqual([0, 30]);
  });

  it("tells no time while no rate is known", () => {
    expect(predict({ ...queue({}), rate: null }, work(5))).toEqual({ position: 0, eta: null });
  });
});

describe("etaOf()", () => {
  const farm = { rate: 10, band: { low: 0.5, high: 2 }, workers: 0 };

  it("spreads the band around the expectation", () => {
    expect(etaOf(farm, { cost: 30, frameCost: 1 })).toEqual({
      seconds: 3,
      low_seconds: 1.5,
      high_seconds: 6,
    });
  });

  it("takes one frame's time on one worker at least", () => {
    expect(etaOf({ ...farm, workers: 5 }, { cost: 2, frameCost: 2 })?.seconds).toBe(1);
  });

  it("tells no time for a farm that stands still", () => {
    expect(etaOf({ ...farm, rate: 0 }, { cost: 30, frameCost: 1 })).toBeNull();
  });
});
