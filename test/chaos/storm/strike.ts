import { setTimeout as delay } from "node:timers/promises";
import type { Fault } from "./plan.js";
import type { Receiver } from "./receiver.js";
import { enginesOf, type Member, type StormFarm } from "./storm-farm.js";

/** What a fault can hit. */
export interface Target {
  readonly farm: StormFarm;
  readonly receiver: Receiver;
}

type FaultOf<Kind extends Fault["kind"]> = Extract<Fault, { kind: Kind }>;
type NetFault = Extract<Fault, { readonly direction: unknown }>;

/** Milliseconds between looks for an engine that is being started. */
const ENGINE_POLL_MS = 50;

/** Does what a fault says, and undoes what does not mend by itself. A killed process is left to its supervisor. */
export async function strike(target: Target, fault: Fault): Promise<void> {
  switch (fault.kind) {
    case "kill":
      return kill(target, fault);
    case "drain":
      return signal(memberOf(target, fault), "SIGTERM");
    case "redis-kill":
      return killRedis(target, fault.ms);
    case "redis-pause":
      return pauseRedis(target, fault.ms);
    case "store":
      return breakStore(target, fault);
    case "receiver":
      return annoyReceiver(target, fault);
    case "clock":
      return moveClock(target, fault);
    default:
      return breakNetwork(memberOf(target, fault), fault);
  }
}

function memberOf({ farm }: Target, { role, nth }: Pick<NetFault, "role" | "nth">): Member {
  const members = farm.members[role];
  const member = members[nth % members.length];
  if (member === undefined) throw new Error(`Cannot hit a ${role}: there is none`);
  return member;
}

async function kill(target: Target, { role, nth }: FaultOf<"kill">): Promise<void> {
  if (role !== "engine") return signal(memberOf(target, { role, nth }), "SIGKILL");
  const worker = memberOf(target, { role: "worker", nth });
  for (;;) {
    await worker.process.ready();
    const engines = await enginesOf(worker);
    for (const pid of engines) process.kill(pid, "SIGKILL");
    if (engines.length > 0) return;
    await delay(ENGINE_POLL_MS);
  }
}

/** A process that is down already is waited for, so that every fault of a plan really hits something. */
async function signal({ process }: Member, name: NodeJS.Signals): Promise<void> {
  await process.ready();
  process.signal(name);
}

async function killRedis({ farm }: Target, ms: number): Promise<void> {
  await farm.redis.kill();
  await delay(ms);
  await farm.redis.restart();
}

async function pauseRedis({ farm }: Target, ms: number): Promise<void> {
  farm.redis.pause();
  await delay(ms);
  farm.redis.resume();
}

async function breakNetwork({ proxy }: Member, { kind, direction, ms }: NetFault): Promise<void> {
  if (kind === "net-hold") proxy.set(direction, { mode: "hold" });
  if (kind === "net-slow") proxy.set(direction, { delayMs: 200 });
  // Done there, and never told here: the kind of fault that a careless repeat turns into a second result.
  if (kind === "net-forget") proxy.set("answers", { mode: "drop" });
  if (kind === "net-refuse") proxy.accept("refuse");
  if (kind === "net-refuse" || kind === "net-reset") proxy.reset();
  await delay(ms);
  if (kind === "net-forget") proxy.reset();
  proxy.heal();
}

async function breakStore({ farm }: Target, { fault, ms }: FaultOf<"store">): Promise<void> {
  const writers = [...farm.members.worker, ...farm.members.gateway];
  farm.inject(writers, { store: fault });
  await delay(ms);
  farm.inject(writers, { store: "none" });
}

async function annoyReceiver({ receiver }: Target, { mood, ms }: FaultOf<"receiver">): Promise<void> {
  receiver.mood = mood;
  await delay(ms);
  receiver.mood = "well";
}

async function moveClock(target: Target, { role, nth, offsetMs, ms }: FaultOf<"clock">): Promise<void> {
  const member = memberOf(target, { role, nth });
  await member.process.ready();
  target.farm.inject([member], { clockOffsetMs: offsetMs });
  await delay(ms);
  target.farm.inject([member], { clockOffsetMs: 0 });
}
