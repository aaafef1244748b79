import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createSession, type InputTensor } from "@latentfarm/engine";
import { encodeFloat32, type TensorPlan, writeSafetensors } from "@latentfarm/safetensors";
import { randn } from "@latentfarm/sampling";
import {
  buildMmdit,
  type MmditConfig,
  openWeightSource,
  synthTensors,
  withSkippableBlocks,
} from "@latentfarm/sd35";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const PREFIX = "model.diffusion_model.";
/** Lengths of SD3.5 Medium's axes in a model of three heads; the token widths of the text are shrunk too. */
const SMALL: ReadonlyMap<number, number> = new Map([
  [24 * 64, 3 * 64],
  [2 * 24 * 64, 2 * 3 * 64],
  [3 * 24 * 64, 3 * 3 * 64],
  [4 * 24 * 64, 4 * 3 * 64],
  [6 * 24 * 64, 6 * 3 * 64],
  [9 * 24 * 64, 9 * 3 * 64],
  [4096, 96],
  [2048, 80],
  [384 ** 2, 16 ** 2],
]);
const CONFIG: MmditConfig = {
  prefix: PREFIX,
  architecture: "sd3.5-medium",
  depth: 3,
  hidden: 3 * 64,
  heads: 3,
  qkNorm: true,
  dualAttentionBlocks: new Set([0, 1]),
  positionGrid: 16,
  contextWidth: 96,
  pooledWidth: 80,
};
const SIDE = 8;
const TOKENS = 5;
/** Sums in another order, on values of about 1. */
const DIFFERENCE_MAX = 1e-5;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "latentfarm-skip-"));
});
afterAll(() => rm(dir, { recursive: true }));

/** Weights of a small SD3.5 Medium made of the given blocks of the large one: each tensor is its name's own noise. */
async function weightsOf(name: string, blocks: readonly number[]): Promise<string> {
  const sources = new Map<string, string>();
  const plans = synthTensors("sd3.5-medium", { form: "plain" }).flatMap((tensor): TensorPlan[] => {
    const { name: from } = tensor;
    if (!from.startsWith(PREFIX)) return [];
    const block = /joint_blocks\.(\d+)\./.exec(from)?.[1];
    const place = block === undefined ? 0 : blocks.indexOf(Number(block));
    if (place === -1) return [];
    const to = from.replace(/joint_blocks\.\d+\./, `joint_blocks.${place}.`);
    sources.set(to, from);
    return [{ name: to, dtype: "F32", shape: tensor.shape.map((length) => SMALL.get(length) ?? length) }];
  });
  const file = path.join(dir, name);
  await writeSafetensors(file, plans, {
    fill: (tensor) => [encodeFloat32("F32", valuesOf(sources.get(tensor.name) ?? "", tensor.shape))],
  });
  return file;
}

function valuesOf(name: string, shape: readonly number[]): Float32Array {
  const seed = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 2 ** 31, 7);
  const spread = name.includes("ln_") ? 1 : 0.08;
  return randn(BigInt(seed), shape).map((value) => value * spread);
}

async function velocities(
  file: string,
  config: MmditConfig,
  keep?: readonly (readonly number[])[],
): Promise<Float32Array[]> {
  const rows = keep?.length ?? 1;
  const input = (seed: bigint, dims: readonly number[]): InputTensor => {
    const row = randn(seed, dims.slice(1));
    const data = new Float32Array(row.length * rows);
    for (let at = 0; at < rows; at += 1) data.set(row, at * row.length);
    return { dtype: "float32", dims, data };
  };
  const session = await createSession(buildMmdit(openWeightSource(file), config));
  const { velocity } = await session.run({
    latent: input(1n, [rows, 16, SIDE, SIDE]),
    timestep: { dtype: "float32", dims: [rows], data: new Float32Array(rows).fill(700) },
    context: input(2n, [rows, TOKENS, config.contextWidth]),
    pooled: input(3n, [rows, config.pooledWidth]),
    ...(keep && {
      keep: { dtype: "float32" as const, dims: [rows, config.depth], data: Float32Array.from(keep.flat()) },
    }),
  });
  await session.release();
  const length = 16 * SIDE * SIDE;
  return Array.from(
    { length: rows },
    (_, row) => velocity?.data.slice(row * length, (row + 1) * length) ?? new Float32Array(),
  );
}

function distance(a: Float32Array | undefined, b: Float32Array | undefined): number {
  if (a === undefined || b === undefined || a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? Number.NaN))));
}

describe("buildMmdit() with skippable blocks", () => {
  it("leaves blocks out row by row as a model without them does", async () => {
    const whole = await weightsOf("whole.safetensors", [0, 1, 23]);
    const skippable = withSkippableBlocks(CONFIG);
    const rows = await velocities(whole, skippable, [
      [1, 1, 1],
      [1, 0, 1],
      [0, 1, 1],
      [0, 0, 1],
    ]);
    const [plain] = await velocities(whole, CONFIG);
    const without = async (name: string, blocks: readonly number[]) => {
      const depth = blocks.length;
      const dualAttentionBlocks = new Set(Array.from({ length: depth - 1 }, (_, index) => index));
      const config = { ...CONFIG, depth, dualAttentionBlocks };
      return (await velocities(await weightsOf(name, blocks), config))[0];
    };
    const expected = [
      plain,
      await without("first.safetensors", [0, 23]),
      await without("second.safetensors", [1, 23]),
      await without("last.safetensors", [23]),
    ];
    expect(rows.map((row, index) => distance(row, expected[index]) < DIFFERENCE_MAX)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    for (const other of expected.slice(1)) expect(distance(plain, other)).toBeGreaterThan(0.01);
  });

  it("gives the plain graph's numbers, bit for bit, to a row that keeps every block", async () => {
    const whole = await weightsOf("whole.safetensors", [0, 1, 23]);
    expect(await velocities(whole, withSkippableBlocks(CONFIG), [[1, 1, 1]])).toEqual(
      await velocities(whole, CONFIG),
    );
  });
});
