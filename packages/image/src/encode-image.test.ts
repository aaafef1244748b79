import { type OutputFormat, pictureRecordSchema } from "@latentfarm/contract";
import ExifReader from "exifreader";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { type EncodedImage, encodeImage, encodePreview } from "./encode-image.js";
import { recordJsonOf } from "./metadata/xmp.js";
import { parametersText } from "./parameters-text.js";
import { exampleRecord } from "./testing/example-record.js";

const WIDTH = 48;
const HEIGHT = 32;
const SIZE = { width: WIDTH, height: HEIGHT };
const PARAMETERS = [
  "a café",
  "Negative prompt: rain",
  "Steps: 8, Sampler: DPM++ 2M, Schedule type: SGM Uniform, CFG scale: 4.5, Seed: 18446744073709551615, Size: 48x32, Model: demo, Shift: 3, Weights hash: 0123456789abcdef, Precision plan: cuda_sm89, Version: Latentfarm 0.1.0",
].join("\n");

/** A smooth picture, as drawn ones are. */
const RGB = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => {
  const pixel = Math.floor(i / 3);
  return [(pixel % WIDTH) * 5, Math.floor(pixel / WIDTH) * 8, 128][i % 3] ?? 0;
});

const encodeWith = (format: OutputFormat, record = exampleRecord(), quality = 95): Promise<EncodedImage> =>
  encodeImage({ rgb: RGB, ...SIZE, format, quality, record });

const encode = async (format: OutputFormat, record = exampleRecord()) =>
  (await encodeWith(format, record)).bytes;

async function decode(bytes: Uint8Array): Promise<{ data: Buffer; format: string | undefined }> {
  const { data } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, format: (await sharp(bytes).metadata()).format };
}

function toText(tag: unknown): string | undefined {
  return typeof tag === "object" && tag !== null && "value" in tag ? String(tag.value) : undefined;
}

/** What a reader that is none of ours sees. */
function readTags(bytes: Uint8Array) {
  const tags = ExifReader.load(Buffer.from(bytes), { expanded: true });
  const texts = new Map(Object.entries(tags.png ?? {}).map(([name, tag]) => [name, toText(tag)]));
  return { ...tags, text: (name: string) => texts.get(name) };
}

/** AUTOMATIC1111's comment, whose first 8 bytes say that it is UTF-16. */
function commentOf(bytes: Uint8Array): string {
  const tag: unknown = readTags(bytes).exif?.UserComment;
  const value = typeof tag === "object" && tag !== null && "value" in tag ? tag.value : undefined;
  const units = Buffer.from(Array.isArray(value) ? value.map(Number) : []);
  expect(units.toString("latin1", 0, 8)).toBe("UNICODE\0");
  return units.subarray(8).swap16().toString("utf16le");
}

describe("encodeImage()", () => {
  it("keeps every pixel as PNG and carries AUTOMATIC1111's and ComfyUI's texts", async () => {
    const png = await encode("png");
    expect(await decode(png)).toEqual({ data: Buffer.from(RGB), format: "png" });
    const { comments } = await sharp(png).metadata();
    expect(comments?.find(({ keyword }) => keyword === "parameters")?.text).toBe(PARAMETERS);
    const tags = readTags(png);
    expect(tags.text("parameters")).toBe(PARAMETERS);
    expect(JSON.parse(String(tags.text("prompt")))["16"]).toMatchObject({ inputs: { text: "a café" } });
    expect(JSON.parse(String(tags.text("workflow"))).version).toBe(0.4);
  });

  it.each(["jpeg", "webp"] as const)("carries AUTOMATIC1111's text in the Exif of a %s", async (format) => {
    const record = exampleRecord({ prompt: "黄色い太陽 🌞 & <sun>" });
    expect(commentOf(await encode(format, record))).toBe(parametersText(record));
  });

  it.each(["png", "jpeg", "webp"] as const)("says in the XMP of a %s what drew it", async (format) => {
    const record = exampleRecord({ prompt: 'a "sun" & <moon>\n黄 🌞 \ufffe\u0001' });
    const bytes = await encode(format, record);
    const { xmp } = readTags(bytes);
    expect(xmp?.DigitalSourceType?.value).toMatch(/trainedAlgorithmicMedia$/);
    expect(xmp?.CreatorTool?.value).toBe("Latentfarm 0.1.0");
    expect(JSON.parse(String(xmp?.record?.value))).toEqual(record);
    const own = recordJsonOf((await sharp(bytes).metadata()).xmpAsString ?? "");
    expect(pictureRecordSchema.parse(JSON.parse(own ?? ""))).toEqual(record);
  });

  it("puts ComfyUI's graph where its window looks into a WebP", async () => {
    const { exif } = readTags(await encode("webp"));
    expect(exif?.Model?.description).toMatch(/^prompt:\{/);
    expect(exif?.Make?.description).toMatch(/^workflow:\{/);
  });

  it("leaves out and tells what a JPEG has no room for", async () => {
    const { bytes, notes } = await encodeWith(
      "jpeg",
      exampleRecord({ prompt: "&".repeat(16_384), negative_prompt: "a".repeat(16_384) }),
    );
    expect(notes).toEqual([
      expect.stringContaining("carries no record"),
      expect.stringContaining("carries no parameters text"),
    ]);
    expect((await decode(bytes)).format).toBe("jpeg");
    expect((await encodeWith("jpeg", exampleRecord({ prompt: "a".repeat(16_384) }))).notes).toEqual([]);
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
    const [low, high] = await Promise.all(
      [10, 100].map((quality) => encodeWith("jpeg", exampleRecord(), quality)),
    );
    expect(low?.bytes.length).toBeLessThan(high?.bytes.length ?? 0);
  });

  it("refuses pixels that do not fit the size", async () => {
    const wrong = encodeImage({
      rgb: RGB.subarray(3),
      ...SIZE,
      format: "png",
      quality: 1,
      record: exampleRecord(),
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
