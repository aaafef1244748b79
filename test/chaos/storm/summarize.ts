import { PROMPTS, STEPS } from "./plan.js";
import type { StormRecord } from "./record.js";

/** The gallery has one job for each prompt and number of steps. */
const GALLERY_JOBS = PROMPTS.length * STEPS.length;

/** One line of what a storm really did: a quiet one proves little. */
export function summarize({ stories, endings, jobs, stats, receipts }: StormRecord): string {
  const ends = new Map<string, number>();
  for (const { job } of endings) {
    const status = job?.status ?? "unknown";
    ends.set(status, (ends.get(status) ?? 0) + 1);
  }
  const frames = endings.flatMap(({ job }) => job?.frames ?? []);
  const again = frames.filter(({ attempt }) => attempt > 1).length;
  const unaccepted = stories.filter(({ accepted }) => accepted.length === 0).length;
  const replays = stories.filter(({ accepted }) => accepted.length > 1).length;
  const connections = stories.reduce((sum, { streams }) => sum + streams.length, 0);
  const counted = [
    "attempts_superseded",
    "attempts_interrupted",
    "attempts_lost",
    "attempts_failed",
  ] as const;
  const taken = receipts.filter(({ answer }) => answer === 204).length;
  return [
    `${stories.length} clients, of which ${unaccepted} got no answer`,
    [...ends].map(([status, count]) => `${count} ${status}`).join(", "),
    `${jobs.length - endings.length - GALLERY_JOBS} jobs whose client never heard of them`,
    `${replays} submitted twice`,
    `${frames.length} frames, ${again} of them in several attempts`,
    `${connections} event streams`,
    `${receipts.length} webhooks, ${taken} taken, ${new Set(receipts.map(({ id }) => id)).size} different`,
    ...counted.map((name) => `${name} ${stats[0]?.counters[name] ?? "unknown"}`),
  ].join("; ");
}
