import { Schedule, seededRandom } from "@latentfarm/queue/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { COLD_START, GPUS, HOUR_MS, NODE_KEPT_MS, type Spot } from "./assumptions.js";
import { Fleet, type Pod } from "./fleet.js";

const MINUTE = 60_000;

let schedule: Schedule;
let told: string[];

beforeEach(() => {
  schedule = new Schedule(0);
  told = [];
});

function makeFleet(spot?: Spot): Fleet {
  const say = (what: string) => async (pod: Pod) => void told.push(`${what} ${pod.id}`);
  const drain = async (pod: Pod) => {
    told.push(`drain ${pod.id}`);
    await fleet.leave(pod);
  };
  const hooks = { ready: say("ready"), drain, lost: say("lost") };
  const plan = {
    name: "l4",
    gpu: GPUS.l4,
    coldStart: COLD_START,
    drainMs: MINUTE,
    ...(spot ? { spot } : {}),
  };
  const fleet = new Fleet(plan, { schedule, random: seededRandom(1), hooks });
  return fleet;
}

async function playUntil(ms: number): Promise<void> {
  let isThere = false;
  schedule.after(ms - schedule.nowMs, () => {
    isThere = true;
  });
  for (let act = schedule.next(); !isThere && act !== undefined; act = schedule.next()) {
    await act();
    if (isThere) return;
  }
}

describe("Fleet", () => {
  it("is paid from a node's order to its end, the minute that an empty one is kept included", async () => {
    const fleet = makeFleet();
    await fleet.setReplicas(2);
    await playUntil(HOUR_MS);
    expect(fleet.paidHours(schedule.nowMs)).toBeCloseTo(2, 9);
    await fleet.setReplicas(1);
    await playUntil(2 * HOUR_MS);
    expect(fleet.paidHours(2 * HOUR_MS)).toBeCloseTo(2 + 1 + NODE_KEPT_MS / HOUR_MS, 9);
    expect(fleet.paidHours(2 * HOUR_MS) * fleet.pricePerHour).toBeCloseTo(3.0166667 * 0.978, 6);
  });

  it("has a worker ready after two to five minutes on a new node, and soon on one that is there", async () => {
    const fleet = makeFleet();
    await fleet.setReplicas(1);
    await playUntil(115_000 - 1);
    expect(fleet.ready).toHaveLength(0);
    await playUntil(300_000);
    expect(fleet.ready).toHaveLength(1);
    await fleet.setReplicas(0);
    await playUntil(330_000);
    await fleet.setReplicas(1);
    await playUntil(330_000 + COLD_START.load[1]);
    expect(fleet.ready).toHaveLength(1);
    expect(fleet.started).toBe(2);
  });

  it("takes pods away that are not ready first, then those with the least in flight", async () => {
    const fleet = makeFleet();
    await fleet.setReplicas(2);
    await playUntil(300_000);
    const [busy] = fleet.ready;
    busy?.gpu.add({ key: "a", side: 512, steps: 20, from: 0, weight: 2 }, schedule.nowMs);
    await fleet.setReplicas(3);
    await fleet.setReplicas(1);
    expect([...fleet.pods]).toEqual([busy]);
    // The one that was starting goes without a word.
    expect(told.filter((line) => line.startsWith("drain"))).toHaveLength(1);
  });

  it("replaces a pod at once whose node's end is told", async () => {
    const fleet = makeFleet({ endsPerHour: 1, toldShare: 1, noticeMs: 2 * MINUTE });
    await fleet.setReplicas(1);
    await playUntil(6 * HOUR_MS);
    expect(told.some((line) => line.startsWith("drain"))).toBe(true);
    expect(told.some((line) => line.startsWith("lost"))).toBe(false);
    expect(fleet.active).toHaveLength(1);
  });

  it("misses a pod a minute after its node went away without a word", async () => {
    const fleet = makeFleet({ endsPerHour: 1, toldShare: 0, noticeMs: 2 * MINUTE });
    await fleet.setReplicas(1);
    while (!told.some((line) => line.startsWith("lost"))) await schedule.next()?.();
    const lostMs = schedule.nowMs;
    expect(fleet.active.map(({ state }) => state)).toEqual(["dead"]);
    await playUntil(lostMs + MINUTE);
    expect(fleet.active.map(({ state }) => state)).toEqual(["starting"]);
  });
});
