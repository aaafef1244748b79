import { randn } from "./noise.js";
import { seedSequence } from "./seed-sequence.js";

/** Times are multiples of this, as torchsde's tree has a tolerance of 1e-6; so the tree is at most 20 levels deep. */
const TIME_DIGITS = 6;
const TIMES_PER_UNIT = 10 ** TIME_DIGITS;

/** Doubles that lie exactly between two times are odd multiples of 1/128: 7812.5 times. */
const TIE_DENOMINATOR = 128;

const { fround } = Math;

/** What a tree is made of. */
export interface BrownianTreeOptions {
  /** The ends of time, `start` below `end`. */
  readonly start: number;
  readonly end: number;
  /** The frame's seed, all 64 bits of it. */
  readonly seed: bigint;
  /** Values of a tensor. */
  readonly count: number;
}

/** A stretch of time in the tree. Its children are `2 key` and `2 key + 1`, a level deeper. */
interface TreeNode {
  readonly key: number;
  readonly depth: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Brownian motion over a stretch of time, as a function: the increment from one time to another, the same whatever
 * was asked before, in float32 as torchsde's `BrownianTree` computes it. Each stretch is halved by a Brownian bridge
 * whose noise is seeded by the place in the tree. An increment costs up to 40 normal tensors; the halves that the
 * lower time cuts are kept (20 tensors), as a sampler asks for the stretch below it next.
 *
 * Source: torchsde `_brownian/brownian_interval.py`, with `halfway_tree`; Li et al. 2020 (arXiv 2001.01328), "Virtual
 * Brownian Tree".
 */
export function createBrownianTree(options: BrownianTreeOptions): (from: number, to: number) => Float32Array {
  const { seed, count } = options;
  const start = roundTime(options.start);
  const end = roundTime(options.end);
  const clamp = (time: number): number => Math.min(Math.max(roundTime(time), start), end);
  const root: TreeNode = { key: 0, depth: 0, from: start, to: end };
  let whole: Float32Array | undefined;
  let kept: ReadonlyMap<string, Float32Array> = new Map();

  function drawWhole(): Float32Array {
    const scale = fround(Math.sqrt(end - start));
    return drawNormal(seed, [], count).map((value) => value * scale);
  }

  return (from, to) => {
    const [low, high] = [clamp(from), clamp(to)];
    const sum = new Float32Array(count);
    const keep = new Map<string, Float32Array>();
    const visit = (node: TreeNode, increment: Float32Array): void => {
      if (node.to <= low || node.from >= high) return;
      if (low <= node.from && node.to <= high) {
        addTo(sum, increment);
        return;
      }
      const middle = roundTime((node.from + node.to) / 2);
      const name = `${node.depth}:${node.key}`;
      const left = kept.get(name) ?? drawLeft({ node, middle, increment, seed });
      if (node.from < low && low < node.to) keep.set(name, left);
      const child = { key: 2 * node.key, depth: node.depth + 1 };
      visit({ ...child, from: node.from, to: middle }, left);
      if (middle >= high) return;
      visit({ ...child, key: child.key + 1, from: middle, to: node.to }, subtract(increment, left));
    };
    if (low < high) {
      whole ??= drawWhole();
      visit(root, whole);
      kept = keep;
    }
    return sum;
  };
}

/** The increment over the left half, by a Brownian bridge: the share of the time, and noise of what is uncertain. */
function drawLeft(options: {
  node: TreeNode;
  middle: number;
  increment: Float32Array;
  seed: bigint;
}): Float32Array {
  const { node, middle, increment, seed } = options;
  const [left, right] = [middle - node.from, node.to - middle];
  const length = node.to - node.from;
  const share = fround(left / length);
  const scale = fround(Math.sqrt((left * right) / length));
  const part = drawNormal(seed, [node.key, node.depth], increment.length);
  for (let index = 0; index < part.length; index += 1)
    part[index] = fround(share * increment[index]!) + fround(scale * part[index]!);
  return part;
}

function subtract(whole: Float32Array, part: Float32Array): Float32Array {
  const rest = new Float32Array(whole.length);
  for (let index = 0; index < rest.length; index += 1) rest[index] = whole[index]! - part[index]!;
  return rest;
}

function drawNormal(seed: bigint, spawnKey: readonly number[], count: number): Float32Array {
  return randn(BigInt(seedSequence(seed, spawnKey, 1)[0]!), count);
}

function addTo(sum: Float32Array, values: Float32Array): void {
  for (let index = 0; index < sum.length; index += 1) sum[index] = sum[index]! + values[index]!;
}

/** The nearest time as Python's `round` finds it: by the double's exact value, to the even one if that is a tie. */
export function roundTime(time: number): number {
  const scaled = time * TIMES_PER_UNIT;
  const below = Math.floor(scaled);
  const isTie = Number.isInteger(time * TIE_DENOMINATOR) && scaled - below === 1 / 2;
  if (!isTie) return Number(time.toFixed(TIME_DIGITS));
  return (below % 2 === 0 ? below : below + 1) / TIMES_PER_UNIT;
}
