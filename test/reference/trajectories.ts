import { createSession, type Session } from "@latentfarm/engine";
import {
  createSampler,
  denoise,
  guide,
  isSamplerName,
  isSchedulerName,
  sigmas,
  TIMESTEP_SCALE,
} from "@latentfarm/sampling";
import { buildMmdit, openWeightSource } from "@latentfarm/sd35";
import { expect, it } from "vitest";
import { expectWithin, skipNotOffered } from "./compare.js";
import type { GraphCase } from "./graph-case.js";

/** One float32 step at 1; see numbers.ts. */
const SIGMA_TOLERANCE = 2 ** -23;

/**
 * Whole trajectories: keys `SAMPLER.STEPS.sigmas` and `SAMPLER.STEPS.latent`, from the case's noise and conditioning.
 * `latent` is what the sampler ends with.
 */
export function describeTrajectories(run: GraphCase): void {
  for (const key of run.io.names.filter((name) => name.endsWith(".sigmas"))) {
    const [sampler = "", steps = ""] = key.split(".");
    const title = `${run.name} ${sampler} ${steps} steps`;
    if (!isSamplerName(sampler)) skipNotOffered(`sampler of ${title}`);
    else it(title, () => checkTrajectory(run, sampler, Number(steps)));
  }
}

async function checkTrajectory(
  run: GraphCase,
  name: Parameters<typeof createSampler>[0],
  steps: number,
): Promise<void> {
  const { scheduler = "", shift = Number.NaN, cfg = Number.NaN } = run.entry;
  if (!isSchedulerName(scheduler)) throw new Error(`Cannot run ${run.name}: scheduler is ${scheduler}`);
  const table = sigmas({ scheduler, steps, shift, sampler: name });
  expectWithin(table, run.io.floats(`${name}.${steps}.sigmas`), SIGMA_TOLERANCE);
  const session = await createSession(buildMmdit(openWeightSource(run.weights)));
  try {
    const sampler = createSampler(name, { sigmas: table, noise: run.io.floats("noise"), seed: 0n });
    while (!sampler.done) {
      const { latent, sigma } = sampler.request();
      const velocities = await guidedVelocities(session, run, { latent, sigma });
      const [cond, uncond] = velocities.map((velocity) => denoise(latent, velocity, sigma));
      if (cond === undefined || uncond === undefined) throw new Error("a guided step has two rows");
      sampler.advance(guide(cond, uncond, cfg));
    }
    expectWithin(sampler.result(), run.io.floats(`${name}.${steps}.latent`), run.tolerance);
  } finally {
    await session.release();
  }
  expect(table).toHaveLength(steps + 1);
}

/** The velocities of the conditional and the unconditional row, run as one batch of two. */
async function guidedVelocities(
  session: Session,
  { io }: GraphCase,
  { latent, sigma }: { latent: Float32Array; sigma: number },
): Promise<readonly Float32Array[]> {
  const [, ...latentDims] = io.shape("noise");
  const [, ...contextDims] = io.shape("cond");
  const [, ...pooledDims] = io.shape("cond_pooled");
  const pair = (a: Float32Array, b: Float32Array) => Float32Array.from([...a, ...b]);
  const outputs = await session.run({
    latent: { dtype: "float32", dims: [2, ...latentDims], data: pair(latent, latent) },
    timestep: { dtype: "float32", dims: [2], data: new Float32Array(2).fill(sigma * TIMESTEP_SCALE) },
    context: {
      dtype: "float32",
      dims: [2, ...contextDims],
      data: pair(io.floats("cond"), io.floats("uncond")),
    },
    pooled: {
      dtype: "float32",
      dims: [2, ...pooledDims],
      data: pair(io.floats("cond_pooled"), io.floats("uncond_pooled")),
    },
  });
  const velocity = outputs.velocity?.data ?? new Float32Array();
  return [velocity.subarray(0, latent.length), velocity.subarray(latent.length)];
}
