import { isTerminal, STATUS_TRANSITIONS, type Status } from "@latentfarm/contract";
import { type Check, frameStatuses, isOpen, numberOf, type Step, statusOf } from "./view.js";

/** States change only as the contract allows, a retry alone leads out of an end, and a job's state follows its frames'. */
export const checkStates: Check = (step) => {
  for (const [id, job] of Object.entries(step.after.jobs)) {
    if (job === step.before.jobs[id]) continue;
    const problem = checkMoves(step, id) ?? checkAgreement(step, id) ?? checkKept(step, id);
    if (problem !== undefined) return `${problem} (job ${id})`;
  }
  return undefined;
};

function checkMoves(step: Step, id: string): string | undefined {
  const before = step.before.jobs[id]?.record;
  const after = step.after.jobs[id]?.record;
  if (before?.status === undefined || after === undefined || before === after) return undefined;
  const isRetry = step.call.name === "retry";
  if (!mayBecome(statusOf(before.status), statusOf(after.status), isRetry)) {
    return `a job does not go from ${before.status} to ${after.status} by ${step.call.name}`;
  }
  const froms = frameStatuses(before);
  for (const [index, to] of frameStatuses(after).entries()) {
    if (!mayBecome(froms[index], to, isRetry)) {
      return `frame ${index} does not go from ${froms[index]} to ${to} by ${step.call.name}`;
    }
  }
  return undefined;
}

/** One script may go two ways: from queued over running to an end, or from running over queued. */
function mayBecome(from: Status | undefined, to: Status | undefined, isRetry: boolean): boolean {
  if (from === to) return true;
  if (from === undefined || to === undefined) return false;
  if (isTerminal(from)) return isRetry && from === "failed" && to === "queued";
  const next: readonly Status[] = STATUS_TRANSITIONS[from];
  return next.some((via) => {
    const further: readonly Status[] = STATUS_TRANSITIONS[via];
    return via === to || (!isTerminal(via) && further.includes(to));
  });
}

function checkAgreement(step: Step, id: string): string | undefined {
  const job = step.after.jobs[id];
  if (job === undefined) return undefined;
  const { record, ttl, listed } = job;
  const frames = frameStatuses(record);
  const status = statusOf(record.status);
  const isEnded = status !== undefined && isTerminal(status);
  const expected = expectedEnd(frames);
  if (isEnded ? status !== expected : expected !== undefined) {
    return `a job of frames ${frames.join(" ")} is ${expected ?? "open"}, not ${status}`;
  }
  if (numberOf(record, "open") !== frames.filter(isOpen).length) return `open is ${record.open}`;
  if (listed.length !== 1 || listed[0] !== status)
    return `its tenant lists it as ${listed.join(" ")}, it is ${status}`;
  if (isEnded !== ttl > 0) return `a job that is ${status} has ${ttl} seconds to live`;
  if (isEnded !== job.isEnded) return `a job that is ${status} stands wrongly among the ended`;
  if (status !== "queued" && job.isDue) return `a job that is ${status} may still expire`;
  if (!isEnded && job.isUnfiled) return `a job that is ${status} waits for its history`;
  return undefined;
}

/** How a job ends whose frames ended so; undefined while one is open. */
function expectedEnd(frames: readonly (Status | undefined)[]): Status | undefined {
  if (frames.some(isOpen)) return undefined;
  const order = ["failed", "canceled", "expired"] as const;
  return order.find((status) => frames.includes(status)) ?? "succeeded";
}

/** What an attempt of a canceled job is told to go on by. */
const GOING_ON: ReadonlySet<string> = new Set(["claimed", "ok"]);

/** Once canceled, until a client's retry, nothing of a job waits, begins or goes on; a picture that is ready counts. */
export function createCancelCheck(): Check {
  const canceled = new Set<string>();
  return ({ call, answer, before, after }) => {
    const { job } = call.about;
    if (job === undefined) return undefined;
    const status = statusOf(before.jobs[job]?.record.status);
    if (call.name === "cancel" && isOpen(status)) canceled.add(job);
    if (call.name === "retry" && answer[0] === "ok") canceled.delete(job);
    if (!canceled.has(job)) return undefined;
    if (frameStatuses(after.jobs[job]?.record ?? {}).includes("queued"))
      return "a canceled job has frames that wait";
    // A claim said twice is answered as at first; its attempt hears of the cancel from its next word on.
    const { index, token } = call.about;
    const isRepeated = call.name === "claim" && before.jobs[job]?.record[`${index}:token`] === token;
    const speaks = index !== undefined && call.name !== "commit" && !isRepeated;
    const isTold = speaks && GOING_ON.has(answer[0] ?? "");
    return isTold ? `an attempt of a canceled job is told ${answer[0]} to its ${call.name}` : undefined;
  };
}

/** What a frame came to stays as it is. */
function checkKept(step: Step, id: string): string | undefined {
  const before = step.before.jobs[id]?.record;
  const after = step.after.jobs[id]?.record;
  if (before === undefined || after === undefined || before === after) return undefined;
  for (const [index, status] of frameStatuses(before).entries()) {
    if (status === "succeeded" && before[`${index}:result`] !== after[`${index}:result`]) {
      return `the result of frame ${index} changes by ${step.call.name}`;
    }
  }
  return undefined;
}
