import { describe, expect, it } from "vitest";
import { FarmError } from "./errors.js";
import type { ModelInfo } from "./model.js";
import { frameParams } from "./params.js";
import { frameParamsHash } from "./params-hash.js";
import { resolveJobParams } from "./resolve.js";
import type { SubmitRequest } from "./submit.js";

const model: ModelInfo = {
  name: "postcards",
  architecture: "sd3.5-large",
  defaults: {
    width: 64,
    height: 96,
    steps: 20,
    guidance_scale: 4.5,
    sampler: "euler",
    scheduler: "normal",
    shift: 3,
  },
  limits: { width_max: 192, height_max: 192, size_multiple: 16 },
  samplers: ["euler", "dpmpp_2m"],
  schedulers: ["normal", "simple"],
};

const resolve = (request: SubmitRequest, of = model) => resolveJobParams(request, { model: of, seed: "5" });

function faultPaths(request: SubmitRequest, of = model): string[] {
  try {
    resolve(request, of);
  } catch (error) {
    if (!(error instanceof FarmError) || !Array.isArray(error.details.errors)) throw error;
    return error.details.errors.map((fault: { path: string }) => fault.path);
  }
  return [];
}

describe("resolveJobParams()", () => {
  it("resolveJobParams() fills what is open from the model", () => {
    expect(resolve({ prompt: "a", width: 96 })).toEqual({
      prompt: "a",
      negative_prompt: "",
      model: "postcards",
      width: 96,
      height: 96,
      steps: 20,
      guidance_scale: 4.5,
      sampler: "euler",
      scheduler: "normal",
      shift: 3,
      seed: "5",
      output_format: "png",
      output_quality: 90,
      num_images: 1,
      metadata: {},
      priority: "normal",
    });
  });

  it("resolveJobParams() takes an image where the model can encode, and a strength only with one", () => {
    const encodes: ModelInfo = { ...model, image_to_image: true };
    expect(faultPaths({ prompt: "a", image: "AA==", strength: 0.5 }, encodes)).toEqual([]);
    expect(resolve({ prompt: "a", image: "AA==" }, encodes)).not.toHaveProperty("image");
    expect(faultPaths({ prompt: "a", image: "AA==" })).toEqual(["image"]);
    expect(faultPaths({ prompt: "a", strength: 0.5 }, encodes)).toEqual(["strength"]);
  });

  it("resolveJobParams() fills skip-layer guidance and holds it to the model's blocks", () => {
    const medium: ModelInfo = { ...model, skip_layer_guidance: { blocks: 10 } };
    const guided = (skip_layer_guidance: SubmitRequest["skip_layer_guidance"]) => ({
      prompt: "a",
      skip_layer_guidance,
    });
    expect(resolve(guided({ scale: 2 }), medium).skip_layer_guidance).toEqual({
      scale: 2,
      layers: [7, 8, 9],
      start: 0.01,
      end: 0.15,
    });
    expect(faultPaths(guided({ layers: [9] }), medium)).toEqual([]);
    expect(faultPaths(guided({ layers: [10] }), medium)).toEqual(["skip_layer_guidance.layers"]);
    expect(faultPaths(guided({ start: 0.5, end: 0.4 }), medium)).toEqual(["skip_layer_guidance.end"]);
    expect(faultPaths(guided({}))).toEqual(["skip_layer_guidance"]);
  });

  it("resolveJobParams() holds sizes to the model's position table", () => {
    expect(faultPaths({ prompt: "a", width: 192, height: 192 })).toEqual([]);
    expect(faultPaths({ prompt: "a", width: 208, height: 208 })).toEqual(["width", "height"]);
  });

  it("resolveJobParams() bounds the pixels of one picture", () => {
    const large = { ...model, limits: { width_max: 6144, height_max: 6144, size_multiple: 16 } };
    expect(faultPaths({ prompt: "a", width: 2048, height: 2048 }, large)).toEqual([]);
    expect(faultPaths({ prompt: "a", width: 2064, height: 2048 }, large)).toEqual(["width"]);
  });

  it("resolveJobParams() names unknown samplers and schedulers together", () => {
    expect(faultPaths({ prompt: "a", sampler: "ddim9", scheduler: "x" })).toEqual(["sampler", "scheduler"]);
  });

  it("resolveJobParams() refuses a seed that the last frame would carry past 2^64-1", () => {
    const seed = "18446744073709551614";
    expect(faultPaths({ prompt: "a", seed, num_images: 2 })).toEqual([]);
    expect(faultPaths({ prompt: "a", seed, num_images: 3 })).toEqual(["seed"]);
  });
});

describe("frameParams()", () => {
  it("frameParams() gives each frame its own exact seed", () => {
    const params = resolve({ prompt: "a", seed: "18446744073709551614", num_images: 2 });
    expect(frameParams(params, 1).seed).toBe("18446744073709551615");
    expect(() => frameParams(params, 2)).toThrow(RangeError);
    expect(frameParams(params, 0)).not.toHaveProperty("metadata");
  });

  it("frameParams() draws the same picture at every priority", () => {
    const [low, high] = (["low", "high"] as const).map((priority) => resolve({ prompt: "a", priority }));
    expect([low?.priority, high?.priority]).toEqual(["low", "high"]);
    const frames = [low, high].flatMap((params) => (params === undefined ? [] : [frameParams(params, 0)]));
    expect(frames[0]).not.toHaveProperty("priority");
    expect(frames[0]).toEqual(frames[1]);
    expect(new Set(frames.map(frameParamsHash)).size).toBe(1);
  });

  it("frameParamsHash() depends on every field and not on their order", () => {
    const params = frameParams(resolve({ prompt: "a" }), 0);
    const reversed = { ...params, ...Object.fromEntries(Object.entries(params).reverse()) };
    expect(frameParamsHash(reversed)).toBe(frameParamsHash(params));
    expect(frameParamsHash({ ...params, seed: "6" })).not.toBe(frameParamsHash(params));
    expect(frameParamsHash({ ...params, negative_prompt: "b" })).not.toBe(frameParamsHash(params));
    const image = (sha256: string) => frameParamsHash({ ...params, init_image: { sha256, strength: 0.5 } });
    expect(new Set([image("a"), image("b"), frameParamsHash(params)]).size).toBe(3);
    expect(frameParamsHash({ ...params, init_image: undefined })).toBe(frameParamsHash(params));
  });
});
