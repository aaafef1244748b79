import { isTerminalEvent, type Job, type WireEvent } from "@latentfarm/contract";
import type { Ending, Violation } from "./record.js";

/** What is wrong with the event log of one job, in itself and beside the job. */
export function judgeLog({ id, job, log }: Ending): Violation[] {
  if (job === undefined) return [];
  const say = (rule: Violation["rule"], text: string): Violation => ({ rule, subject: id, text });
  const lives = splitAtRetries(log);
  return [
    ...log
      .filter((event, at) => event.id <= (log[at - 1]?.id ?? 0))
      .map((event) => say("ids increase", `the log has ${event.id} late`)),
    ...(log[0]?.type === "job.queued"
      ? []
      : [say("log and job agree", "the log does not begin with job.queued")]),
    ...lives.flatMap((life) => judgeLife(life, say)),
    ...judgeEnd(job, log, say),
    ...judgeAttempts(log, say),
  ];
}

type Say = (rule: Violation["rule"], text: string) => Violation;

/** A retry of failed frames begins a life of its own, with an end of its own. */
function splitAtRetries(log: readonly WireEvent[]): WireEvent[][] {
  const lives: WireEvent[][] = [[]];
  for (const event of log) {
    if (event.type === "job.retried") lives.push([]);
    lives.at(-1)?.push(event);
  }
  return lives;
}

function judgeLife(life: readonly WireEvent[], say: Say): Violation[] {
  const ends = life.filter(({ type }) => isTerminalEvent(type));
  const endAt = life.findIndex(({ type }) => isTerminalEvent(type));
  const late = endAt < 0 ? [] : life.slice(endAt + 1).filter(({ type }) => !isTerminalEvent(type));
  return [
    ...(ends.length === 1
      ? []
      : [say("one end per log", `it has ${ends.map(({ type }) => type).join(", ") || "none"}`)]),
    ...late.map((event) => say("nothing follows the end", `${event.id} ${event.type}`)),
  ];
}

function judgeEnd(job: Job, log: readonly WireEvent[], say: Say): Violation[] {
  const last = log.findLast(({ type }) => isTerminalEvent(type))?.type;
  const found: Violation[] = [];
  if (last !== undefined && last !== `job.${job.status}`) {
    found.push(say("log and job agree", `the log ends with ${last}, the job is ${job.status}`));
  }
  for (const frame of job.frames) {
    const results = log.filter(
      (event) => event.type === "frame.succeeded" && event.data.index === frame.index,
    );
    if (results.length > 1)
      found.push(say("one result per frame", `frame ${frame.index} has ${results.length}`));
    const told = results.length > 0;
    if (told !== (frame.status === "succeeded")) {
      found.push(
        say("log and job agree", `frame ${frame.index} is ${frame.status}, results told: ${results.length}`),
      );
    }
    const [result] = results;
    if (result?.type === "frame.succeeded" && result.data.sha256 !== frame.sha256) {
      found.push(say("log and job agree", `frame ${frame.index} has another sha256 in the log`));
    }
  }
  return found;
}

/** Fencing: once a later attempt has spoken, an earlier one is heard no more, and none after the frame's result. */
function judgeAttempts(log: readonly WireEvent[], say: Say): Violation[] {
  const newest = new Map<number, number>();
  const found: Violation[] = [];
  for (const event of log) {
    if (event.type !== "frame.progress") {
      if (event.type === "frame.succeeded") newest.set(event.data.index, Number.POSITIVE_INFINITY);
      continue;
    }
    const { index, attempt } = event.data;
    const before = newest.get(index) ?? 0;
    if (attempt < before) {
      found.push(say("attempts do not go back", `frame ${index}: attempt ${attempt} spoke after ${before}`));
    }
    newest.set(index, Math.max(before, attempt));
  }
  return found;
}
