import path from "node:path";
import { decodeFloat32 } from "@latentfarm/safetensors";
import {
  isSchedulerName,
  latentPreview,
  latentToVae,
  randn,
  sigmas,
  vaeToLatent,
} from "@latentfarm/sampling";
import { describe, expect, it } from "vitest";
import { expectWithin, skipNotOffered } from "./compare.js";
import { listFiles, readJson, readTensors } from "./sources.js";

/** PyTorch's own vectorised logarithm and sine differ by an ulp from exact ones. Source: reference/README.md. */
export const NOISE_TOLERANCE = 5e-7;
/** Two float32 roundings of values of some units. */
const LATENT_FORMAT_TOLERANCE = 1e-6;
/** 262,144 values, each off by at most 5e-7 in either direction, differ far less than this in sum. */
const NOISE_SUM_TOLERANCE = 1e-3;
/**
 * One float32 step at 1. Stability's tables were recorded through PyTorch's AVX2 `linspace`, ComfyUI's through its
 * scalar one: the two differ in the last bit of a timestep from 40 steps on, and the farm follows ComfyUI (comfyui.ts
 * holds that to one float32 ulp of each sigma).
 */
const SIGMA_TOLERANCE = 2 ** -23;

/** The cases that need no graph: noise, sigma tables, latent format, preview, float8 tables. */
export function describeNumbers(dir: string): void {
  const files = listFiles(dir);
  const suites: Readonly<Record<string, (file: string) => void>> = {
    "noise-torch-cpu.safetensors": describeNoise,
    "latent-format.safetensors": describeLatentFormat,
    "latent-preview.safetensors": describePreview,
    "float8-tables.safetensors": describeFloat8,
    "index.json": describeNoiseSums,
  };
  for (const [name, suite] of Object.entries(suites)) if (files.includes(name)) suite(path.join(dir, name));
  for (const name of files.filter((file) => /^sigmas-.*\.safetensors$/.test(file)))
    describeSigmas(path.join(dir, name));
}

/** Keys are `SEED:SHAPE`, with `:head` or `:tail` for the ends of a long one. */
function describeNoise(file: string): void {
  const tensors = readTensors(file);
  describe("noise-torch-cpu", () => {
    it.each(tensors.names)("%s", (name) => {
      const [seed = "", shape = "", part] = name.split(":");
      const expected = tensors.floats(name);
      const drawn = randn(BigInt(seed), shape.split("x").map(Number));
      const begin = part === "tail" ? drawn.length - expected.length : 0;
      const actual = part === undefined ? drawn : drawn.slice(begin, begin + expected.length);
      expectWithin(actual, expected, NOISE_TOLERANCE);
    });
  });
}

function describeNoiseSums(file: string): void {
  const index = readJson<Record<string, unknown>>(file);
  const seeds = Object.keys(index).filter((key) => key.startsWith("noise-sum-"));
  if (seeds.length === 0) return;
  describe("noise sums of a 1024x1024 latent", () => {
    it.each(seeds)("%s", (key) => {
      const drawn = randn(BigInt(key.slice("noise-sum-".length)), [1, 16, 128, 128]);
      expect(Math.abs(drawn.reduce((sum, value) => sum + value, 0) - Number(index[key]))).toBeLessThan(
        NOISE_SUM_TOLERANCE,
      );
    });
  });
}

/** Keys are `SCHEDULER.shiftS.STEPS`. */
function describeSigmas(file: string): void {
  const tensors = readTensors(file);
  describe(path.basename(file), () => {
    for (const name of tensors.names) {
      const [scheduler = "", shift = "", steps = ""] = name.split(/\.(?:shift)?/);
      if (!isSchedulerName(scheduler)) skipNotOffered(`scheduler of ${name}`);
      else
        it(name, () => {
          const actual = sigmas({ scheduler, shift: Number(shift), steps: Number(steps) });
          expectWithin(actual, tensors.floats(name), SIGMA_TOLERANCE);
        });
    }
  });
}

function describeLatentFormat(file: string): void {
  const tensors = readTensors(file);
  describe("latent-format", () => {
    it("process_out", () => {
      expectWithin(
        latentToVae(tensors.floats("latent")),
        tensors.floats("process_out"),
        LATENT_FORMAT_TOLERANCE,
      );
    });
    it("process_in", () => {
      expectWithin(
        vaeToLatent(tensors.floats("latent")),
        tensors.floats("process_in"),
        LATENT_FORMAT_TOLERANCE,
      );
    });
  });
}

function describePreview(file: string): void {
  const tensors = readTensors(file);
  it("latent-preview", () => {
    const [height = 0, width = 0] = tensors.shape("latent").slice(-2);
    expect(latentPreview(tensors.floats("latent"), height, width)).toEqual(tensors.bytes("rgb"));
  });
}

/** Each table holds the value of codes 0..255. */
function describeFloat8(file: string): void {
  const tensors = readTensors(file);
  const dtypes = { e4m3fn: "F8_E4M3", e5m2: "F8_E5M2" } as const;
  describe("float8-tables", () => {
    it.each(Object.entries(dtypes))("%s", (name, dtype) => {
      expect(
        decodeFloat32(
          dtype,
          Uint8Array.from({ length: 256 }, (_, code) => code),
        ),
      ).toEqual(tensors.floats(name));
    });
  });
}
