import { LIMITS } from "@latentfarm/contract";
import { memberOf } from "./bull-model.js";
import { command, jobCall, runScript, sleep, tellBull } from "./calls.js";
import type { JobPlan } from "./plan.js";
import { poke } from "./releaser.js";
import type { Process, Steps, World } from "./world.js";

/** Tries of a request that its client hears nothing of. */
const REQUEST_TRIES_MAX = 5;

/** Milliseconds between a client's looks at its job. */
const POLL_MS = 3_000;

/** A client's share of the story: it submits, perhaps cancels, perhaps retries. */
export function* beClient(world: World, gateway: Process, plan: JobPlan): Steps {
  yield* sleep(plan.submitAtMs);
  const job = yield* submit(world, gateway, plan);
  if (job !== undefined) {
    if (plan.cancelAfterMs !== undefined) {
      yield* sleep(plan.cancelAfterMs);
      yield* cancel(world, gateway, { job, model: plan.model });
    }
    for (let left = plan.retries; left > 0; left--) {
      if ((yield* waitForEnd(world, job)) !== "failed") break;
      yield* retry(world, gateway, { job, model: plan.model });
    }
  }
  world.clients--;
}

/** Submits until an answer is heard; each request makes an id of its own, as the gateway does. */
function* submit(world: World, gateway: Process, plan: JobPlan): Steps<string | undefined> {
  for (let tries = 0; tries < REQUEST_TRIES_MAX; tries++) {
    const job = `${plan.name}x${tries}`;
    const call = jobCall(world, "create", {
      job,
      keys:
        plan.idempotency === undefined
          ? []
          : [`${world.root}:idempotency:${plan.tenant}${plan.idempotency.key}`],
      args: createArguments(world, plan, job),
    });
    if (!world.isFaulty || world.random.chance(0.8)) poke(world, gateway, plan.model);
    const { heard, answer } = yield* runScript(call);
    if (heard && (answer[0] === "created" || answer[0] === "known")) {
      poke(world, gateway, plan.model);
      return answer[1];
    }
    if (heard && answer[0] === "conflict") return undefined;
    yield* sleep(world.random.between(200, 6_000));
  }
  return undefined;
}

function createArguments(world: World, plan: JobPlan, job: string): readonly (string | number)[] {
  const tenant = world.plan.tenants.find(({ name }) => name === plan.tenant);
  return [
    job,
    plan.tenant,
    plan.model,
    plan.priority,
    "2027-01-15T08:00:00.000Z",
    plan.frames,
    plan.steps,
    plan.units,
    "{}",
    plan.idempotency?.hash ?? "",
    plan.startWithinMs ?? 0,
    plan.hook.length === 0 ? "" : "{}",
    plan.hook.length === 0 ? "" : `,${plan.hook.join(",")},`,
    5_000,
    500,
    2_000,
    tenant?.costMax ?? 0,
    tenant?.framesMax ?? 0,
    LIMITS.farm_frames_max,
    "",
  ];
}

function* cancel(world: World, gateway: Process, { job, model }: { job: string; model: string }): Steps {
  for (let tries = 0; tries < REQUEST_TRIES_MAX; tries++) {
    const { heard, answer } = yield* runScript(
      jobCall(world, "cancel", { job, keys: [`${world.root}:cancel`] }),
    );
    if (!heard) continue;
    yield* takeOut(world, gateway, { job, model, indices: answer.slice(1).map(Number) });
    return;
  }
}

/** Takes ended frames out of BullMQ's queue; stands for jobs/cancel-job.ts, takeOut(). */
export function* takeOut(
  world: World,
  process: Process,
  ended: { readonly job: string; readonly model: string; readonly indices: readonly number[] },
): Steps {
  const { job, model, indices } = ended;
  const bull = world.bull(model);
  for (const index of indices) {
    const removed = yield* tellBull(
      () => `bull.remove ${memberOf(job, index)}`,
      () => {
        bull.remove(memberOf(job, index));
        return [];
      },
    );
    if (removed === undefined) break;
    yield* command("UNLINK", `${world.root}:snapshot:${job}:${index}`);
  }
  poke(world, process, model);
}

function* retry(world: World, gateway: Process, { job, model }: { job: string; model: string }): Steps {
  for (let tries = 0; tries < REQUEST_TRIES_MAX; tries++) {
    const { heard } = yield* runScript(jobCall(world, "retry", { job }));
    if (!heard) continue;
    poke(world, gateway, model);
    return;
  }
}

function* waitForEnd(world: World, job: string): Steps<string | undefined> {
  while (world.elapsedMs < world.plan.healAtMs * 2) {
    const answer = yield* command("HGET", `${world.root}:job:${job}`, "finished_ms");
    if ((answer?.[0] ?? "") !== "") {
      const status = yield* command("HGET", `${world.root}:job:${job}`, "status");
      return status?.[0];
    }
    yield* sleep(POLL_MS);
  }
  return undefined;
}
