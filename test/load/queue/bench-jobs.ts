import type { JobParams, Priority, Tenant } from "@latentfarm/contract";
import type { Farm, NewJob } from "@latentfarm/queue";
import { newJob } from "../../queue/farm-fixture.js";

/** Submits under way at once: enough to keep Redis busy over one connection. */
const SUBMITS_TOGETHER = 64;

/** Sizes of jobs that a farm meets, with each one's share of all frames: many small ones, most frames in large ones. */
const SIZES: readonly { readonly frames: number; readonly share: number }[] = [
  { frames: 10_000, share: 0.3 },
  { frames: 1_000, share: 0.3 },
  { frames: 100, share: 0.3 },
  { frames: 10, share: 0.08 },
  { frames: 1, share: 0.02 },
];

/** What the sizes leave over is filled with jobs of this many frames. */
const FILL_FRAMES = 100;

const TENANTS: readonly Tenant[] = [1, 1, 2, 4, 8].map((weight, index) => ({
  name: `tenant-${index}`,
  weight,
  limits: {},
}));

const PRIORITIES: readonly Priority[] = ["normal", "normal", "high", "low"];

/** A prompt of usual length: it is kept with each job. */
export const BENCH_PROMPT =
  "a lighthouse on a rocky coast at dusk, waves, dramatic clouds, warm light in the window, oil painting";

/** The tenant of a job by its number: five of unequal weight take turns. */
export function benchTenant(index: number): Tenant {
  return TENANTS[index % TENANTS.length] ?? { name: "default", weight: 1, limits: {} };
}

/** The job of a number: tenants and priorities take turns. */
export function benchJob(model: string, index: number, params: Partial<JobParams> = {}): NewJob {
  const priority = PRIORITIES[Math.floor(index / TENANTS.length) % PRIORITIES.length] ?? "normal";
  return {
    ...newJob(model, { prompt: BENCH_PROMPT, priority, steps: 28, seed: "7", ...params }),
    tenant: benchTenant(index),
  };
}

/** Frames of each job so that all together have exactly `frames`: sizes as {@link SIZES}, spread over the list. */
export function planJobSizes(frames: number): number[] {
  const planned = SIZES.flatMap((size) =>
    Array.from({ length: Math.floor((frames * size.share) / size.frames) }, () => size.frames),
  );
  let left = frames - planned.reduce((sum, size) => sum + size, 0);
  for (; left > 0; left -= FILL_FRAMES) planned.push(Math.min(left, FILL_FRAMES));
  return spread(planned);
}

/** Submits jobs of these sizes, many at once. */
export async function submitJobs(farm: Farm, model: string, sizes: readonly number[]): Promise<void> {
  const open = sizes.entries();
  const submitNext = async (): Promise<void> => {
    for (const [index, frames] of open) await farm.submit(benchJob(model, index, { num_images: frames }));
  };
  await Promise.all(Array.from({ length: SUBMITS_TOGETHER }, submitNext));
}

/** A fixed order in which neighbours come from far apart, so that large and small jobs mix. */
function spread(sizes: readonly number[]): number[] {
  // The golden ratio's multiples are spread most evenly over the unit interval.
  const ratio = 0.618_033_988_75;
  return sizes
    .map((size, index) => ({ size, place: (index * ratio) % 1 }))
    .sort((a, b) => a.place - b.place)
    .map(({ size }) => size);
}
