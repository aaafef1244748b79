import type { Priority } from "@latentfarm/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findRedisServer, type PrivateRedis, startPrivateRedis } from "../simulation/private-redis.js";
import { type Random, seededRandom } from "../simulation/random.js";
import type { FrameOrder, TakenFrame } from "./frame-order.js";
import { ModelledOrder } from "./modelled-order.js";
import { PlayedOrder } from "./played-order.js";

const SEEDS = 40;
const ACTS = 250;
const CLASSES: readonly Priority[] = ["low", "normal", "high"];
const TENANTS = ["ada", "bob", "cyd", "dot"];
const server = findRedisServer();

if (server === undefined && process.env.FARM_TEST_REQUIRED === "1") {
  throw new Error("Cannot play the order of frames: redis-server is absent");
}

describe.skipIf(server === undefined)("the order in memory", () => {
  let own: PrivateRedis;

  beforeAll(async () => {
    own = await startPrivateRedis(server ?? "");
  });
  afterAll(() => own[Symbol.asyncDispose]());

  it("takes the same frames in the same order as production's scripts, and keeps the same books", async () => {
    let taken = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const played = new PlayedOrder(own.redis, `{order${seed}}`);
      await played.load();
      const logs = [
        await act(played, seededRandom(seed)),
        await act(new ModelledOrder(), seededRandom(seed)),
      ];
      expect(logs[1], `seed ${seed}`).toEqual(logs[0]);
      taken += logs[0]?.filter((line) => line.startsWith("take j")).length ?? 0;
    }
    expect(taken).toBeGreaterThan(SEEDS * 20);
  });

  it("shows when a bug is planted: a model whose tenants do not heed their weights", async () => {
    class Unfair extends ModelledOrder {
      override setTenant(tenant: Parameters<ModelledOrder["setTenant"]>[0]): Promise<void> {
        return super.setTenant({ ...tenant, weight: 1 });
      }
    }
    const played = new PlayedOrder(own.redis, "{unfair}");
    await played.load();
    expect(await act(new Unfair(), seededRandom(1))).not.toEqual(await act(played, seededRandom(1)));
  });
});

/** Does what a farm does, at random; gives what was taken and how the books stood. */
async function act(order: FrameOrder, random: Random): Promise<readonly string[]> {
  const log: string[] = [];
  const held: TakenFrame[] = [];
  let nowMs = 1_800_000_000_000;
  for (const name of TENANTS) {
    const runningFramesMax = random.chance(0.4) ? random.between(1, 5) : 0;
    await order.setTenant({ name, weight: random.pick([0.5, 1, 2, 5]), runningFramesMax });
  }
  for (let at = 0; at < ACTS; at++) {
    nowMs += random.between(1, 4_000);
    const kind = random.between(0, 9);
    const frame = held.length === 0 || kind < 5 ? undefined : random.pick(held);
    if (kind === 0) await order.announce(`w${random.between(0, 3)}`, random.between(1, 40), nowMs);
    else if (kind === 1 && random.chance(0.3)) await order.retire(`w${random.between(0, 3)}`, nowMs);
    else if (kind === 1 || at < 5) {
      const steps = random.between(1, 30);
      const job = { id: `j${at}`, tenant: random.pick(TENANTS), priority: random.pick(CLASSES) };
      await order.submit({ ...job, frames: random.between(1, 40), steps, stepUnits: 256 }, nowMs);
    } else if (frame === undefined) {
      const next = await order.take("w", nowMs);
      log.push(`take ${next?.job} ${next?.index} ${next?.attempt} ${next?.saved}`);
      if (next !== undefined) held.push(next);
    } else await end(order, { frame, held, random, nowMs });
    log.push(JSON.stringify(await order.books()));
  }
  return log;
}

async function end(
  order: FrameOrder,
  one: {
    readonly frame: TakenFrame;
    readonly held: TakenFrame[];
    readonly random: Random;
    readonly nowMs: number;
  },
): Promise<void> {
  const { frame, held, random, nowMs } = one;
  const what = random.between(0, 5);
  if (what === 0) return order.progress(frame, frame.saved + 1, nowMs);
  if (what === 1) return order.save(frame, frame.saved + 1, nowMs);
  held.splice(held.indexOf(frame), 1);
  if (what === 2) return order.giveBack(frame, nowMs);
  if (what === 3) return order.lose(frame, nowMs);
  return order.commit(frame, nowMs);
}
