import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PictureRecord } from "@latentfarm/contract";
import { encodeImage, type PictureFacts } from "@latentfarm/image";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type LikePicture,
  likeBody,
  likeDifferences,
  likeModel,
  likeWarnings,
  readLike,
} from "./like-picture.js";

const SIZE = { width: 16, height: 16 };
const SKIP = { scale: 3, layers: [7], start: 0.01, end: 0.15 };
const RECORD: PictureRecord = {
  version: 1,
  params: {
    prompt: "a sun",
    negative_prompt: "",
    model: "demo",
    ...SIZE,
    steps: 4,
    guidance_scale: 1,
    sampler: "euler",
    scheduler: "simple",
    shift: 3,
    seed: "7",
    output_format: "webp",
    output_quality: 80,
    skip_layer_guidance: SKIP,
  },
  model: { name: "demo", architecture: "" },
  plan: "cpu",
  software: { latentfarm: "0.1.0", onnxruntime: "1.30.0" },
};

let cwd: string;
let ours: LikePicture;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "latentfarm-like-"));
  const rgb = new Uint8Array(16 * 16 * 3);
  const { bytes } = await encodeImage({ rgb, ...SIZE, format: "webp", quality: 80, record: RECORD });
  await writeFile(join(cwd, "ours.webp"), bytes);
  ours = await readLike(cwd, "ours.webp");
});
afterAll(() => rm(cwd, { recursive: true }));

/** A picture with other facts. */
const likeOf = (facts: Partial<PictureFacts>): LikePicture => ({
  ...ours,
  facts: { ...ours.facts, ...facts },
});

const serving = (...names: string[]) => ({ client: { ...CLIENT, models: async () => names }, model: "own" });
const unused = () => {
  throw new Error("is not called");
};
const CLIENT = {
  url: "",
  healthy: unused,
  models: unused,
  submit: unused,
  job: unused,
  cancel: unused,
  events: unused,
  picture: unused,
};

describe("readLike()", () => {
  test("takes prompt and format from a picture of ours", () => {
    expect(ours).toMatchObject({ prompt: "a sun", format: "webp", facts: { record: RECORD } });
  });
});

describe("likeBody()", () => {
  test("puts the call's own fields over the picture's", () => {
    expect(likeBody(ours, { prompt: "a moon", output_format: "png", num_images: 2 })).toMatchObject({
      prompt: "a moon",
      output_format: "png",
      num_images: 2,
      seed: "7",
      skip_layer_guidance: SKIP,
    });
    expect(likeBody(ours, { skip_layer_guidance: { scale: 1 } })).toMatchObject({
      skip_layer_guidance: { ...SKIP, scale: 1 },
    });
  });

  test("wants the image of a picture that had one, and gives a strength to no other", () => {
    const record = {
      ...RECORD,
      params: { ...RECORD.params, init_image: { sha256: "0".repeat(64), strength: 0.5 } },
    };
    const like = likeOf({ record, fields: { ...ours.facts.fields, strength: 0.5 } });
    expect(() => likeBody(like, {})).toThrow("name it with --image");
    expect(likeBody(like, { image: "AAAA" })).toMatchObject({ image: "AAAA", strength: 0.5 });
    expect(likeBody(likeOf({ fields: { strength: 0.5 } }), {})).not.toHaveProperty("strength");
  });
});

describe("likeModel()", () => {
  test("takes the picture's model where it is served, and another for foreign pictures alone", async () => {
    expect(await likeModel(ours, serving("other", "demo"))).toBe("demo");
    await expect(likeModel(ours, serving("other"))).rejects.toMatchObject({ code: "model_unavailable" });
    const foreign = likeOf({ source: "comfyui" });
    expect(await likeModel(foreign, serving("other"))).toBe("own");
    expect(likeWarnings(foreign, "own")).toEqual([
      "not taken over from ours.webp: model demo, which is not served",
    ]);
  });

  test("warns without letting the file steer the terminal", () => {
    expect(likeWarnings(likeOf({ missed: ["Lora: \u001b[2Jx"] }), "demo")).toEqual([
      "not taken over from ours.webp: Lora: \\u{1b}[2Jx",
    ]);
  });
});

describe("likeDifferences()", () => {
  const drawn = (onnxruntime: string, plan: "cpu" | "cuda_sm89" = "cpu") => ({
    params: { ...RECORD.params, num_images: 1, priority: "normal" as const },
    frames: [
      {
        plan,
        provenance: { software: { latentfarm: "0.1.0", onnxruntime }, model_hash: "b", batch_rows_max: 2 },
      },
    ],
  });

  test("says nothing of a picture that was drawn the same way", () => {
    expect(likeDifferences(ours, drawn("1.30.0"))).toEqual([]);
  });

  test("names what has changed since: plan, weights, versions, image", () => {
    const record = {
      ...RECORD,
      params: { ...RECORD.params, init_image: { sha256: "a".repeat(64), strength: 0.5 } },
      model: { ...RECORD.model, hash: "a" },
    };
    const now = drawn("1.31.0", "cuda_sm89");
    const params = { ...now.params, init_image: { sha256: "c".repeat(64), strength: 0.5 } };
    expect(likeDifferences(likeOf({ record }), { ...now, params })).toEqual([
      expect.stringContaining("the image to start from was aaa"),
      "the precision plan was cpu and is cuda_sm89: the picture may differ",
      "the hash of the weights was a and is b: the picture may differ",
      "onnxruntime was 1.30.0 and is 1.31.0: the picture may differ",
    ]);
  });
});
