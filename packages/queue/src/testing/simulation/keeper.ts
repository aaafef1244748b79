import { UNFILED_AFTER_MS } from "../../limits.js";
import { command, jobCall, runScript, sleep } from "./calls.js";
import { takeOut } from "./client.js";
import { fillWindow, recover } from "./releaser.js";
import { fileJob } from "./worker.js";
import type { Process, Steps, World } from "./world.js";

/** Starts the process that does the housekeeping, rarer than production does; stands for jobs/keep-farm.ts. */
export function startKeeper(world: World): Process {
  const keeper: Process = world.start("keeper", () => [keep(world, () => keeper)]);
  return keeper;
}

function* keep(world: World, own: () => Process): Steps {
  for (;;) {
    yield* sleep(world.random.between(2_000, 14_000));
    const now = world.schedule.nowMs + world.plan.keeperAheadMs;
    const due = yield* command("ZRANGEBYSCORE", `${world.root}:due`, "-inf", String(now));
    for (const job of due ?? []) yield* expire(world, own(), job);
    for (const model of world.plan.models) {
      if (world.bug === "no-strays") yield* fillWindow(world, model);
      else yield* recover(world, model);
    }
    const unfiled = yield* command(
      "ZRANGEBYSCORE",
      `${world.root}:unfiled`,
      "-inf",
      String(now - UNFILED_AFTER_MS),
      "WITHSCORES",
    );
    for (let at = 0; at + 1 < (unfiled?.length ?? 0); at += 2) {
      yield* fileJob(world, unfiled?.[at] ?? "", unfiled?.[at + 1] ?? "");
    }
  }
}

function* expire(world: World, own: Process, job: string): Steps {
  const { heard, answer } = yield* runScript(jobCall(world, "expire", { job }));
  const model = world.plan.jobs.find(({ name }) => job.startsWith(`${name}x`))?.model;
  if (!heard || answer[0] !== "ok" || model === undefined) return;
  yield* takeOut(world, own, { job, model, indices: answer.slice(1).map(Number) });
}

/** Starts the process that takes events over from the outbox; stands for webhooks/outbox.ts. */
export function startCourier(world: World, isEmpty: () => boolean): Process {
  return world.start("courier", () => [carry(world, isEmpty)]);
}

function* carry(world: World, isEmpty: () => boolean): Steps {
  for (;;) {
    yield* sleep(world.random.between(1_000, 6_000));
    if (isEmpty()) continue;
    const members = yield* command("ZRANGE", `${world.root}:outbox`, "0", "-1");
    if (members === undefined || members.length === 0) continue;
    const write = () => {
      for (const member of members) world.delivered.add(member);
    };
    if (world.bug !== "outbox-early") write();
    yield* command("ZREM", `${world.root}:outbox`, ...members);
    if (world.bug === "outbox-early") write();
  }
}
