import { isDeepStrictEqual } from "node:util";
import { FRAME_TRIES_MAX, INTERRUPTIONS_MAX, LOST_ATTEMPTS_MAX, POISON_WORKERS } from "../../limits.js";
import type { Fields } from "./observation.js";
import { type Check, frameStatus, numberOf, type Step } from "./view.js";

/** What an attempt says; CLAIM begins one and is judged apart. */
const SPOKEN: ReadonlySet<string> = new Set(["start", "progress", "preview", "snapshot", "commit", "leave"]);

/** What a frame has used up in this life, counted apart from the record. */
interface Budget {
  tries: number;
  lost: number;
  interrupted: number;
  readonly workers: Set<string>;
}

/**
 * Only the newest attempt changes anything, and only while it holds its lock; a claim ends the attempt that was lost; the
 * budgets of tries, workers, losses and interruptions are kept, each for itself, and begin anew with each life.
 */
export function createAttemptsCheck(): Check {
  const budgets = new Map<string, Budget>();
  const snapshots = new Map<string, string | undefined>();
  const begun = new Set<string>();
  return (step) => {
    const { name, about } = step.call;
    const kept = snapshots.get(about.snapshot ?? "");
    if (about.snapshot !== undefined) snapshots.set(about.snapshot, step.after.snapshot);
    if (name === "retry" && step.answer[0] === "ok") {
      for (const key of budgets.keys()) if (key.startsWith(`${about.job}-`)) budgets.delete(key);
      return checkRetried(step);
    }
    if (about.job === undefined || about.index === undefined) return undefined;
    const key = `${about.job}-${about.index}`;
    const budget = budgets.get(key) ?? { tries: 0, lost: 0, interrupted: 0, workers: new Set<string>() };
    budgets.set(key, budget);
    if (name === "claim") return checkClaim(step, budget) ?? checkToken(step, begun);
    if (!SPOKEN.has(name)) return undefined;
    return (
      checkFence(step, kept) ?? checkSpoken(step) ?? (name === "leave" ? checkLeave(step, budget) : undefined)
    );
  };
}

function recordsOf({ before, after, call }: Step): { readonly was: Fields; readonly is: Fields } {
  const job = call.about.job ?? "";
  return { was: before.jobs[job]?.record ?? {}, is: after.jobs[job]?.record ?? {} };
}

function checkFence(step: Step, kept: string | undefined): string | undefined {
  const { about, name, args } = step.call;
  const { was, is } = recordsOf(step);
  const isNewest = numberOf(was, `${about.index}:attempt`) === about.attempt;
  const isOpen = was[`${about.index}:open`] === "1";
  const holds = step.holder === about.token;
  if (isNewest && isOpen && holds) return undefined;
  const status = frameStatus(was, about.index ?? 0) ?? "";
  // What was said before is answered as at first.
  const repeated =
    isNewest &&
    ((name === "commit" && status === "succeeded") ||
      (name === "leave" && (["failed", "canceled"].includes(status) || (holds && status === "queued"))));
  if (step.answer[0] !== "lost" && !repeated)
    return `a superseded attempt's ${name} is answered ${step.answer[0]}`;
  if (step.answer[0] === "ok" && is[`${about.index}:result`] !== args[3])
    return "a result is called kept that is not";
  if (!isDeepStrictEqual(was, is)) return `a superseded attempt's ${name} changes the record`;
  if (!isDeepStrictEqual(step.before.models, step.after.models))
    return `a superseded attempt's ${name} changes the books`;
  if (name === "snapshot" && step.after.snapshot === args[4] && kept !== args[4])
    return "a superseded attempt's snapshot is kept";
  return undefined;
}

function checkSpoken(step: Step): string | undefined {
  const { about, name, args } = step.call;
  const { is } = recordsOf(step);
  const [outcome] = step.answer;
  const status = frameStatus(is, about.index ?? 0);
  const isKept = is[`${about.index}:result`] === args[3];
  if (name === "commit" && isKept && outcome !== "ok")
    return "a commit said twice is not answered as at first";
  if (name === "commit" && outcome === "ok") {
    if (is[`${about.index}:result`] !== args[3])
      return "another result is kept than the one that was committed";
    if (step.after.snapshot !== undefined) return "a finished frame keeps its snapshot";
  }
  if (name === "start" && outcome === "ok" && status !== "running") return `a started frame is ${status}`;
  if (name === "snapshot" && outcome === "ok" && is[`${about.index}:saved`] !== String(args[3]))
    return "a snapshot's step is not kept";
  const canceled = is.cancel !== undefined || status === "canceled";
  if (canceled && outcome === "ok" && name !== "commit")
    return `an attempt of a canceled job goes on with its ${name}`;
  return undefined;
}

function checkClaim(step: Step, budget: Budget): string | undefined {
  const { about } = step.call;
  const { was, is } = recordsOf(step);
  const [outcome, attempt] = step.answer;
  const field = (name: string) => `${about.index}:${name}`;
  const hadOpen = was[field("open")] === "1";
  const isRepeated = hadOpen && was[field("token")] === about.token;
  const status = frameStatus(was, about.index ?? 0);
  const isLive = step.holder === about.token && (status === "queued" || status === "running");
  if (outcome === "claimed" && !isLive) return "a frame is claimed without its lock or after its end";
  if (!isLive)
    return is[field("attempt")] === was[field("attempt")]
      ? undefined
      : "a claim in vain counts as an attempt";
  // A job that was canceled meanwhile gives no attempt, to nobody.
  if (isRepeated && was.cancel === undefined)
    return outcome === "claimed" && isDeepStrictEqual(was, is)
      ? undefined
      : "a claim said twice is not answered as at first";
  if (hadOpen && !isRepeated) budget.lost++;
  if (outcome === "claimed") {
    if (was.cancel !== undefined) return "a canceled frame is claimed";
    if (Number(attempt) !== numberOf(was, field("attempt")) + 1)
      return `attempt ${attempt} follows ${was[field("attempt")]}`;
    if (frameStatus(is, about.index ?? 0) !== "queued")
      return "a claimed frame runs before its engine has it";
    if (numberOf(is, field("step")) !== numberOf(is, field("saved")))
      return "an attempt does not begin at its snapshot";
  }
  const isUsedUp = budget.lost >= LOST_ATTEMPTS_MAX && was.cancel === undefined;
  const hasFailed = frameStatus(is, about.index ?? 0) === "failed";
  if (isUsedUp !== hasFailed)
    return `a frame with ${budget.lost} lost attempts is ${hasFailed ? "" : "not "}failed`;
  return undefined;
}

/** BullMQ hands an entry out with a new token each time: one begins one attempt. */
function checkToken({ call, answer }: Step, begun: Set<string>): string | undefined {
  const [outcome, attempt] = answer;
  if (outcome !== "claimed") return undefined;
  const { job, index, token } = call.about;
  const other = [...begun].find((one) => one.startsWith(`${job}-${index} ${token} `));
  const own = `${job}-${index} ${token} ${attempt}`;
  begun.add(own);
  return other === undefined || other === own ? undefined : "a token begins two attempts";
}

function checkLeave(step: Step, budget: Budget): string | undefined {
  const { about, args } = step.call;
  const { was } = recordsOf(step);
  const [outcome] = step.answer;
  const isFirst = was[`${about.index}:open`] === "1" && step.holder === about.token;
  const isCurrent = numberOf(was, `${about.index}:attempt`) === about.attempt;
  if (!isFirst || !isCurrent || outcome === "lost") return undefined;
  if (step.after.snapshot !== undefined && outcome !== "resume")
    return `a frame that is left as ${outcome} keeps its snapshot`;
  if (outcome === "canceled")
    return was.cancel === undefined && frameStatus(was, about.index ?? 0) !== "canceled"
      ? "nobody canceled the frame"
      : undefined;
  const expected = spend(budget, String(args[4]), String(args[5]));
  return outcome === expected
    ? undefined
    : `a frame that is left as ${args[4]} with ${budget.tries} tries is ${outcome}, not ${expected}`;
}

function spend(budget: Budget, kind: string, worker: string): string {
  if (kind === "interrupted") return ++budget.interrupted >= INTERRUPTIONS_MAX ? "failed" : "resume";
  budget.tries++;
  budget.workers.add(worker);
  const isOver = budget.tries >= FRAME_TRIES_MAX || budget.workers.size >= POISON_WORKERS;
  return kind === "lasting" || isOver ? "failed" : "restart";
}

/** A retried frame has nothing left of its former life but the number of its attempts. */
function checkRetried(step: Step): string | undefined {
  const { was, is } = recordsOf(step);
  for (let index = 0; index < numberOf(is, "frames"); index++) {
    const hasFailed = frameStatus(was, index) === "failed";
    if (hasFailed !== (frameStatus(is, index) === "queued"))
      return `frame ${index} is ${is[`${index}:status`]} after a retry`;
  }
  return is.cancel === undefined ? undefined : "a retried job is still canceled";
}
