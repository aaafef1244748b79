import type { FrameParams } from "@latentfarm/contract";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { encodeImage, encodePreview } from "./encode-image.js";

const WIDTH = 48;
const HEIGHT = 32;

/** A smooth picture, as drawn ones are. */
const RGB = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => {
  const pixel = Math.floor(i / 3);
  return [(pixel % WIDTH) * 5, Math.floor(pixel / WIDTH) * 8, 128][i % 3] ?? 0;
});

const PARAMETERS: FrameParams = {
  prompt: "a café",
  negative_prompt: "rain",
  model: "demo",
  width: WIDTH,
  height: HEIGHT,
  steps: 8,
  guidance_scale: 4.5,
  sampler: "dpmpp_2m",
  scheduler: "sgm_uniform",
  shift: 3,
  seed: "18446744073709551615",
  output_format: "png",
  output_quality: 95,
};

const encode = (format: FrameParams["output_format"], parameters = PARAMETERS) =>
  encodeImage({ rgb: RGB, width: WIDTH, height: HEIGHT, format, quality: 95, parameters, plan: "cuda_sm89" });

async function decode(bytes: Uint8Array): Promise<{ data: Buffer; format: string | undefined }> {
  const { data } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, format: (await sharp(bytes).metadata()).format };
}

describe("encodeImage()", () => {
  it("keeps every pixel as PNG and carries the parameters", async () => {
    const png = await encode("png");
    expect(await decode(png)).toEqual({ data: Buffer.from(RGB), format: "png" });
    const { comments } = await sharp(png).metadata();
    expect(comments).toEqual([
      {
        keyword: "parameters",
        text: [
          "a café",
          "Negative prompt: rain",
          "Steps: 8, Sampler: DPM++ 2M, Schedule type: SGM Uniform, CFG scale: 4.5, Seed: 18446744073709551615, Size: 48x32, Model: demo, Shift: 3, Precision plan: cuda_sm89, Version: Latentfarm",
        ].join("\n"),
      },
    ]);
  });

  it("carries prompts outside of Latin-1", async () => {
    const png = await encode("png", { ...PARAMETERS, prompt: "黄色い太陽 🌞" });
    const { comments } = await sharp(png).metadata();
    expect(comments?.[0]?.text).toMatch(/^黄色い太陽 🌞\n/);
    expect((await decode(png)).data).toEqual(Buffer.from(RGB));
  });

  it.each(["png", "jpeg", "webp"] as const)("gives the same bytes twice as %s", async (format) => {
    expect(Buffer.from(await encode(format)).equals(await encode(format))).toBe(true);
  });

  it.each(["jpeg", "webp"] as const)("stays near the picture as %s", async (format) => {
    const decoded = await decode(await encode(format));
    expect(decoded.format).toBe(format);
    const difference = decoded.data.reduce((sum, value, i) => sum + Math.abs(value - (RGB[i] ?? 0)), 0);
    expect(difference / RGB.length).toBeLessThan(2);
  });

  it("lets quality decide the size", async () => {
    const base = {
      rgb: RGB,
      width: WIDTH,
      height: HEIGHT,
      format: "jpeg",
      parameters: PARAMETERS,
      plan: "cpu",
    } as const;
    const [low, high] = await Promise.all([10, 100].map((quality) => encodeImage({ ...base, quality })));
    expect(low?.length).toBeLessThan(high?.length ?? 0);
  });

  it("refuses pixels that do not fit the size", async () => {
    const wrong = encodeImage({
      rgb: RGB.subarray(3),
      width: WIDTH,
      height: HEIGHT,
      format: "png",
      quality: 1,
      parameters: PARAMETERS,
      plan: "cpu",
    });
    await expect(wrong).rejects.toThrow(RangeError);
  });
});

describe("encodePreview()", () => {
  it("gives a JPEG of the same size", async () => {
    const { format, width, height } = await sharp(await encodePreview(RGB, WIDTH, HEIGHT)).metadata();
    expect({ format, width, height }).toEqual({ format: "jpeg", width: WIDTH, height: HEIGHT });
  });
});
