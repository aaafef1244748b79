import type { Priority } from "@latentfarm/contract";
import { type OrderedTenant, type Random, seededRandom } from "@latentfarm/queue/testing";
import { HOUR_MS, MINUTE_MS, type Side } from "./assumptions.js";

/** A job of the day. */
export interface DayJob {
  readonly id: string;
  /** Milliseconds since the day began. */
  readonly atMs: number;
  readonly tenant: string;
  readonly priority: Priority;
  readonly side: Side;
  readonly steps: number;
  readonly frames: number;
}

/** What comes in a day, and from whom. */
export interface DayOfLoad {
  readonly tenants: readonly OrderedTenant[];
  /** By the time at which they come. */
  readonly jobs: readonly DayJob[];
  readonly ms: number;
}

/** Who asks for what: the jobs of a kind. */
interface Kind {
  readonly tenant: string;
  readonly priority: Priority;
  readonly side: Side;
  readonly steps: number;
  readonly framesMax: number;
  /** Jobs in the busiest hour. */
  readonly jobsPerHour: number;
}

const TENANTS: readonly OrderedTenant[] = [
  { name: "studio", weight: 4, runningFramesMax: 0 },
  { name: "shop", weight: 2, runningFramesMax: 0 },
  { name: "archive", weight: 1, runningFramesMax: 0 },
  { name: "ann", weight: 1, runningFramesMax: 8 },
  { name: "ben", weight: 1, runningFramesMax: 8 },
  { name: "eve", weight: 1, runningFramesMax: 0 },
];

const KINDS: readonly Kind[] = [
  { tenant: "studio", priority: "high", side: 1024, steps: 28, framesMax: 4, jobsPerHour: 80 },
  { tenant: "shop", priority: "normal", side: 768, steps: 28, framesMax: 6, jobsPerHour: 60 },
  { tenant: "ann", priority: "normal", side: 1024, steps: 20, framesMax: 2, jobsPerHour: 25 },
  { tenant: "ben", priority: "normal", side: 512, steps: 28, framesMax: 4, jobsPerHour: 25 },
  { tenant: "eve", priority: "low", side: 1024, steps: 28, framesMax: 4, jobsPerHour: 15 },
];

/** The demand of an hour as a share of the busiest's: an office day with a lunch and an evening. */
const HOURS: readonly number[] = [
  0.1, 0.06, 0.04, 0.04, 0.05, 0.08, 0.2, 0.4, 0.7, 0.9, 1, 0.95, 0.8, 0.9, 1, 0.95, 0.85, 0.7, 0.55, 0.6,
  0.65, 0.5, 0.3, 0.18,
];

/** Bursts a day: somebody is told of the farm and all come at once. */
const BURSTS = 8;
/** Jobs of a burst, and how long it takes to come in. */
const BURST_JOBS: readonly [number, number] = [30, 120];
const BURST_MS: readonly [number, number] = [MINUTE_MS, 10 * MINUTE_MS];

/** The one large job of the day. */
const LARGE_JOB: Omit<DayJob, "id"> = {
  atMs: 10.5 * HOUR_MS,
  tenant: "archive",
  priority: "low",
  side: 512,
  steps: 20,
  frames: 10_000,
};

/** Units of work of a megapixel-step, as the queue counts. Source: packages/queue, UNIT_PIXEL_STEPS. */
export const UNITS_PER_MEGAPIXEL = 1e6 / 256;

/** The id of the large job. */
export const LARGE_JOB_ID = "large";

/** How a day differs from the usual one. */
export interface DayOptions {
  /** The part of it that is played, for tests. */
  readonly hours?: readonly [from: number, to: number];
  /** Frames of the large job; 0 leaves it out. */
  readonly largeFrames?: number;
  /** Steps of a picture as a multiple of the usual, with as many fewer jobs: the work of the day stays the same. */
  readonly weight?: number;
}

/** Makes the day of a seed. */
export function makeDay(seed: number, options: DayOptions = {}): DayOfLoad {
  const [from, to] = options.hours ?? [0, HOURS.length];
  const random = seededRandom(seed);
  const drafts: Omit<DayJob, "id">[] = [];
  const kinds = KINDS.map((kind) => weigh(kind, options.weight ?? 1));
  for (const kind of kinds) drafts.push(...arrivals(random, kind));
  for (let burst = 0; burst < BURSTS; burst++) drafts.push(...burstOf(random, kinds, options.weight ?? 1));
  const inside = drafts.filter(({ atMs }) => atMs >= from * HOUR_MS && atMs < to * HOUR_MS);
  const jobs: DayJob[] = inside.map((job, index) => ({ ...job, id: `job${index}` }));
  const frames = options.largeFrames ?? LARGE_JOB.frames;
  if (frames > 0) {
    const atMs = Math.min(LARGE_JOB.atMs, (from + to) * 0.5 * HOUR_MS);
    jobs.push({ ...LARGE_JOB, atMs, frames, id: LARGE_JOB_ID });
  }
  return {
    tenants: TENANTS,
    jobs: jobs
      .map((job) => ({ ...job, atMs: Math.round(job.atMs - from * HOUR_MS) }))
      .sort((one, other) => one.atMs - other.atMs || (one.id < other.id ? -1 : 1)),
    ms: (to - from) * HOUR_MS,
  };
}

/** A Poisson process whose rate follows the hours: candidates of the busiest hour's rate, thinned. */
function arrivals(random: Random, kind: Kind): Omit<DayJob, "id">[] {
  const { framesMax, jobsPerHour, ...rest } = kind;
  const jobs: Omit<DayJob, "id">[] = [];
  for (let atMs = 0; ; ) {
    atMs += (-Math.log(1 - random.next()) / jobsPerHour) * HOUR_MS;
    const share = HOURS[Math.floor(atMs / HOUR_MS)];
    if (share === undefined) return jobs;
    if (random.chance(share)) jobs.push({ ...rest, atMs, frames: random.between(1, framesMax) });
  }
}

/** Megapixels of one picture of a job. */
export function megapixels({ side }: Pick<DayJob, "side">): number {
  return (side * side) / 1e6;
}

function weigh(kind: Kind, weight: number): Kind {
  return { ...kind, steps: Math.round(kind.steps * weight), jobsPerHour: kind.jobsPerHour / weight };
}

function burstOf(random: Random, kinds: readonly Kind[], weight: number): Omit<DayJob, "id">[] {
  const startMs = random.next() * (HOURS.length - 1) * HOUR_MS;
  const lastsMs = random.between(...BURST_MS);
  const { framesMax, jobsPerHour: _, ...kind } = random.pick(kinds);
  const jobs = Math.round(random.between(...BURST_JOBS) / weight);
  return Array.from({ length: jobs }, () => ({
    ...kind,
    atMs: startMs + random.next() * lastsMs,
    frames: random.between(1, framesMax),
  }));
}
