import { deflateSync } from "node:zlib";
import { FarmError, type FrameParams, OUTPUT_FORMATS, type OutputFormat } from "@latentfarm/contract";
import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { comfyTexts } from "./comfy/write-graph.js";
import { encodeImage } from "./encode-image.js";
import { inspectPicture } from "./inspect-picture.js";
import { writeExif } from "./metadata/exif.js";
import { insertJpegExif } from "./metadata/insert-exif.js";
import { parametersText } from "./parameters-text.js";
import { insertTexts, type NamedText } from "./png-text.js";
import { exampleRecord } from "./testing/example-record.js";

const SIDE = 16;
const RGB = new Uint8Array(SIDE * SIDE * 3).fill(128);
const IMAGE = { init_image: { sha256: "ab".repeat(32), strength: 0.6 } };

/** Numbers as clients send them: with few digits, and so the same as text and back. */
const decimal = (min: number, max: number) =>
  fc.integer({ min: min * 100, max: max * 100 }).map((hundredths) => hundredths / 100);

/** Text that the contract takes, with lines, signs of every notation and characters of every plane. */
const words = fc
  .array(
    fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("\n", ", ", ": ", '"', "<&>", "\\", "\r", "黄🌞"),
    ),
    {
      maxLength: 12,
    },
  )
  .map((parts) => parts.join("").replaceAll("\0", ""));

const name = fc.oneof(
  fc.constantFrom("demo", "sd3.5_large", "a, b", 'q"', " x "),
  fc.string({ minLength: 1, maxLength: 20 }),
);

/** Any parameters of a frame that the contract admits. */
const paramsArbitrary: fc.Arbitrary<FrameParams> = fc.record(
  {
    prompt: words.map((text) => `a${text}`),
    negative_prompt: words,
    model: name,
    width: fc.integer({ min: 1, max: 384 }).map((patches) => patches * 16),
    height: fc.integer({ min: 1, max: 384 }).map((patches) => patches * 16),
    steps: fc.integer({ min: 1, max: 150 }),
    guidance_scale: decimal(0, 100),
    sampler: fc.constantFrom("euler", "euler_ancestral", "dpmpp_2m", "res_multistep"),
    scheduler: fc.constantFrom("simple", "karras", "sgm_uniform", "linear_quadratic"),
    shift: decimal(1, 100),
    seed: fc.bigInt(0n, (1n << 64n) - 1n).map(String),
    output_format: fc.constantFrom("png", "jpeg", "webp"),
    output_quality: fc.integer({ min: 1, max: 100 }),
    init_image: fc.record({
      sha256: fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 64, maxLength: 64 }),
      strength: fc.integer({ min: 1, max: 100 }).map((hundredths) => hundredths / 100),
    }),
    skip_layer_guidance: fc.record({
      scale: decimal(0, 10),
      layers: fc.uniqueArray(fc.integer({ min: 0, max: 37 }), { minLength: 1, maxLength: 12 }),
      start: decimal(0, 1),
      end: decimal(0, 1),
    }),
  },
  {
    requiredKeys: [
      "prompt",
      "negative_prompt",
      "model",
      "width",
      "height",
      "steps",
      "guidance_scale",
      "sampler",
      "scheduler",
      "shift",
      "seed",
      "output_format",
      "output_quality",
    ],
  },
);

async function encode(format: OutputFormat, params: Partial<FrameParams> = {}): Promise<Buffer> {
  const record = exampleRecord(params);
  const size = { width: SIDE, height: SIDE };
  return Buffer.from((await encodeImage({ rgb: RGB, ...size, format, quality: 90, record })).bytes);
}

const plain = (format: OutputFormat = "png") =>
  sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: "red" } })
    .toFormat(format)
    .toBuffer();

async function pngWith(...texts: readonly NamedText[]): Promise<Uint8Array> {
  return insertTexts(await plain(), texts);
}

/** The code of the error that comes of it, if one does. */
async function codeOf(bytes: Uint8Array): Promise<string | undefined> {
  try {
    await inspectPicture(bytes);
    return undefined;
  } catch (error) {
    return error instanceof FarmError ? error.code : String(error);
  }
}

describe("inspectPicture()", () => {
  it.each(OUTPUT_FORMATS)("gives back whatever a %s was drawn from", async (format) => {
    await fc.assert(
      fc.asyncProperty(paramsArbitrary, async (params) => {
        const facts = await inspectPicture(await encode(format, params));
        expect(facts.record).toEqual(exampleRecord(params));
        expect(facts).toMatchObject({ format, width: SIDE, height: SIDE, source: "latentfarm", missed: [] });
      }),
      { numRuns: 30 },
    );
  });

  it("names what can be submitted, the strength without its image", async () => {
    const { fields } = await inspectPicture(await encode("jpeg", IMAGE));
    const { init_image: _image, ...params } = exampleRecord(IMAGE).params;
    expect(fields).toEqual({ ...params, strength: 0.6 });
  });

  it("reads AUTOMATIC1111's text from PNG and JPEG", async () => {
    const text = [
      "a sun,",
      "(big:1.2)",
      "Negative prompt: rain",
      'Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1, Size: 512x768, Model hash: abc, Model: v1-5, Lora hashes: "a: b, c", Clip skip: 2',
    ].join("\n");
    const expected = {
      source: "automatic1111",
      fields: {
        prompt: "a sun,\n(big:1.2)",
        negative_prompt: "rain",
        steps: 20,
        sampler: "dpmpp_2m",
        scheduler: "karras",
        guidance_scale: 7,
        seed: "1",
        width: 512,
        height: 768,
        model: "v1-5",
      },
      missed: ["Lora hashes: a: b, c", "Clip skip: 2"],
      texts: ["parameters"],
    };
    expect(await inspectPicture(await pngWith(["parameters", text]))).toMatchObject(expected);
    const jpeg = insertJpegExif(await plain("jpeg"), writeExif({ userComment: text }));
    expect(await inspectPicture(jpeg)).toMatchObject(expected);
  });

  it("reads ComfyUI's graph from PNG and from the camera fields of a WebP", async () => {
    const record = exampleRecord({ ...IMAGE, seed: "18446744073709551615" });
    const { prompt, workflow } = comfyTexts(record);
    const png = await inspectPicture(await pngWith(["prompt", prompt], ["workflow", workflow]));
    expect(png).toMatchObject({
      source: "comfyui",
      fields: { seed: "18446744073709551615", strength: 0.6, model: "sd3.5_medium", prompt: "a café" },
      missed: ['image to start from: "latentfarm-input-abababababababab.png"'],
    });
    expect((await inspectPicture(await encode("webp"))).texts).toEqual([
      "parameters",
      "prompt",
      "workflow",
      "xmp",
    ]);
  });

  it("tells apart a picture that says nothing", async () => {
    for (const format of OUTPUT_FORMATS) {
      expect(await inspectPicture(await plain(format))).toMatchObject({
        source: "none",
        fields: {},
        texts: [],
      });
    }
  });

  it("falls back to the text when the record is of another form", async () => {
    const png = await encode("png");
    const other = Buffer.from(png.toString("latin1").replace('{"version":1,', '{"version":9,'), "latin1");
    expect(await inspectPicture(other)).toMatchObject({
      source: "comfyui",
      fields: { seed: expect.any(String) },
    });
  });

  it.each(["", "GIF89a", "\x89PNG\r\n\x1a\n", "\xff\xd8\xff\xe0", "RIFF\x04\0\0\0WEBP"])(
    "refuses %j",
    async (start) => {
      expect(await codeOf(Buffer.from(start, "latin1"))).toBe("file_invalid");
    },
  );

  it.each(OUTPUT_FORMATS)(
    "takes a damaged or cut %s for what is left of it, or refuses it",
    async (format) => {
      const whole = await encode(format, { prompt: "黄色い太陽" });
      await fc.assert(
        fc.asyncProperty(
          fc.nat(whole.length),
          fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 20 }),
          async (length, changes) => {
            const bytes = Buffer.from(whole.subarray(0, Math.max(length, 1)));
            for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
            expect([undefined, "file_invalid"]).toContain(await codeOf(bytes));
          },
        ),
        { numRuns: 150 },
      );
    },
  );

  it("does not blow up what is squeezed", async () => {
    const squeezed = deflateSync(Buffer.alloc(64_000_000, "a"));
    const data = Buffer.concat([Buffer.from("parameters\0\0", "latin1"), squeezed]);
    const head = Buffer.alloc(8);
    head.writeUInt32BE(data.length);
    head.write("zTXt", 4, "latin1");
    const png = await pngWith(["Comment", "x"]);
    const bomb = Buffer.concat([png.subarray(0, 33), head, data, Buffer.alloc(4), png.subarray(33)]);
    expect(await inspectPicture(bomb)).toMatchObject({ source: "none" });
  });
});

describe("readParametersText()", () => {
  it("reads what parametersText() writes", async () => {
    await fc.assert(
      fc.asyncProperty(paramsArbitrary, async (params) => {
        // The form has no way to write a prompt with a line of its own form.
        fc.pre(!/^Negative prompt:/m.test(params.prompt));
        const { output_format: _f, output_quality: _q, init_image: image, ...expected } = params;
        const { fields, missed } = await inspectPicture(
          await pngWith(["parameters", parametersText(exampleRecord(params))]),
        );
        expect(fields).toEqual({ ...expected, ...(image && { strength: image.strength }) });
        expect(missed).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});

describe("readGraph()", () => {
  it("reads what comfyTexts() writes", async () => {
    await fc.assert(
      fc.asyncProperty(paramsArbitrary, async (params) => {
        const { output_format: _f, output_quality: _q, init_image: image, model: _m, ...rest } = params;
        const { prompt } = comfyTexts(exampleRecord(params));
        const { fields } = await inspectPicture(await pngWith(["prompt", prompt]));
        const { width, height, ...others } = rest;
        // With an image the size is that of the image.
        const size = image === undefined ? { width, height } : {};
        const strength = image === undefined || image.strength === 1 ? {} : { strength: image.strength };
        expect(fields).toEqual({ ...others, ...size, ...strength, model: "sd3.5_medium" });
      }),
      { numRuns: 100 },
    );
  });

  it.each(["", "[]", "{}", "{", '{"1":{}}', '{"1":{"class_type":"SaveImage"}}', '"\\"'.repeat(50_000)])(
    "is not misled by what is no graph: %.20j",
    async (prompt) => {
      expect(await inspectPicture(await pngWith(["prompt", prompt]))).toMatchObject({ source: "none" });
    },
  );

  it("ends at a graph that runs in circles, and tells nodes without a word of ours", async () => {
    const sampler = { model: ["2", 0], positive: ["1", 0], seed: 1, steps: ["2", 0] };
    const prompt = JSON.stringify({
      "1": { class_type: "KSampler", inputs: sampler },
      "2": { class_type: "LoraLoader", inputs: { model: ["1", 0], clip: ["2", 1] } },
    });
    expect(await inspectPicture(await pngWith(["prompt", prompt]))).toMatchObject({
      source: "comfyui",
      fields: { seed: "1" },
      missed: expect.arrayContaining(["node LoraLoader", "steps comes from another node"]),
    });
  });
});
