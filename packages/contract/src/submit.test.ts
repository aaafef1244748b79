import { describe, expect, it } from "vitest";
import { FarmError } from "./errors.js";
import { LIMITS } from "./limits.js";
import { soundPart, submitRequestSchema } from "./submit.js";
import { type FieldError, parseWith } from "./validate.js";

const parse = (body: unknown) => parseWith(submitRequestSchema, body, "the job");

function faults(body: unknown): Record<string, string> {
  try {
    parse(body);
  } catch (error) {
    if (!(error instanceof FarmError) || !Array.isArray(error.details.errors)) throw error;
    expect(error.code).toBe("invalid_request");
    return Object.fromEntries(error.details.errors.map((fault: FieldError) => [fault.path, fault.message]));
  }
  return {};
}

describe("submitRequestSchema", () => {
  it("parseWith() keeps what is given and adds nothing", () => {
    expect(parse({ prompt: "a sun" })).toEqual({ prompt: "a sun" });
  });

  it("parseWith() turns a seed of either form into decimal text", () => {
    expect(parse({ prompt: "a", seed: Number.MAX_SAFE_INTEGER }).seed).toBe("9007199254740991");
    expect(parse({ prompt: "a", seed: "18446744073709551615" }).seed).toBe("18446744073709551615");
    for (const seed of [-1, 1.5, 2 ** 53, "18446744073709551616", "01", "-1", "", "0x1", true, null]) {
      expect(faults({ prompt: "a", seed })).toHaveProperty("seed");
    }
    expect(faults({ prompt: "a", seed: 2 ** 53 }).seed).toContain("decimal string");
  });

  it("parseWith() holds strength and skip-layer guidance to their limits", () => {
    for (const strength of [LIMITS.strength_min, LIMITS.strength_max]) {
      expect(faults({ prompt: "a", image: "AA==", strength })).toEqual({});
    }
    for (const strength of [0, 1.01, "1"]) {
      expect(faults({ prompt: "a", image: "AA==", strength })).toHaveProperty("strength");
    }
    expect(faults({ prompt: "a", image: "" })).toHaveProperty("image");
    const skip = (fields: object) => Object.keys(faults({ prompt: "a", skip_layer_guidance: fields }));
    expect(skip({ scale: LIMITS.skip_layer_scale_max, layers: [0, 37], start: 0, end: 1 })).toEqual([]);
    expect(skip({ scale: 10.1, layers: [38], start: -0.1, end: 1.1 }).sort()).toEqual([
      "skip_layer_guidance.end",
      "skip_layer_guidance.layers.0",
      "skip_layer_guidance.scale",
      "skip_layer_guidance.start",
    ]);
    expect(skip({ layers: [] })).toEqual(["skip_layer_guidance.layers"]);
    expect(skip({ layers: [7, 7] })).toEqual(["skip_layer_guidance.layers"]);
    expect(skip({ layers: Array.from({ length: LIMITS.skip_layers_max + 1 }, (_, i) => i) })).toEqual([
      "skip_layer_guidance.layers",
    ]);
    expect(skip({ blocks: [7] })).toEqual(["skip_layer_guidance.blocks"]);
  });

  it("parseWith() lists all wrong fields at once, unknown ones among them", () => {
    const wrong = faults({
      steps: 0,
      width: 17,
      output_format: "gif",
      metadata: { note: 1 },
      webhook: {},
      webhok: 1,
    });
    expect(Object.keys(wrong).sort()).toEqual([
      "metadata.note",
      "output_format",
      "prompt",
      "steps",
      "webhok",
      "webhook.url",
      "width",
    ]);
    expect(wrong.prompt).toBe("is required");
    expect(wrong.steps).toContain("limit steps_min");
    expect(wrong.webhok).toBe("is not a known field");
  });

  it.each([
    ["steps", LIMITS.steps_min, LIMITS.steps_max, 1],
    ["num_images", LIMITS.num_images_min, LIMITS.num_images_max, 1],
    ["width", LIMITS.size_px_min, LIMITS.size_px_max, LIMITS.size_px_multiple],
    ["height", LIMITS.size_px_min, LIMITS.size_px_max, LIMITS.size_px_multiple],
    ["guidance_scale", LIMITS.guidance_scale_min, LIMITS.guidance_scale_max, 0.5],
    ["shift", LIMITS.shift_min, LIMITS.shift_max, 0.005],
    ["output_quality", LIMITS.output_quality_min, LIMITS.output_quality_max, 1],
  ])("parseWith() takes %s of %d..%d and nothing beside", (field, min, max, unit) => {
    expect(faults({ prompt: "a", [field]: min })).toEqual({});
    expect(faults({ prompt: "a", [field]: max })).toEqual({});
    expect(faults({ prompt: "a", [field]: min - unit })).toHaveProperty(field);
    expect(faults({ prompt: "a", [field]: max + unit })).toHaveProperty(field);
  });

  it("parseWith() measures a prompt in UTF-8 bytes", () => {
    const sun = "☀";
    const fits = sun.repeat(Math.floor(LIMITS.prompt_bytes_max / 3));
    expect(faults({ prompt: fits })).toEqual({});
    expect(faults({ prompt: fits + sun }).prompt).toContain("limit prompt_bytes_max");
  });

  it("parseWith() refuses an empty prompt, U+0000 and lone surrogates, and takes surrogate pairs", () => {
    expect(faults({ prompt: "" }).prompt).toContain("limit prompt_chars_min");
    expect(faults({ prompt: "a\u0000b" }).prompt).toContain("U+0000");
    expect(faults({ prompt: "a\ud800b" }).prompt).toContain("surrogate");
    expect(faults({ prompt: "a", negative_prompt: "\udc00" }).negative_prompt).toContain("surrogate");
    expect(faults({ prompt: "\ud83d\ude00", negative_prompt: "" })).toEqual({});
  });

  it("parseWith() bounds metadata in entries, keys and values", () => {
    const entries = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, "v"]));
    expect(faults({ prompt: "a", metadata: entries(LIMITS.metadata_entries_max) })).toEqual({});
    expect(faults({ prompt: "a", metadata: entries(LIMITS.metadata_entries_max + 1) }).metadata).toContain(
      "entries",
    );
    expect(faults({ prompt: "a", metadata: { "a b": "v" } })).toHaveProperty(["metadata.a b"]);
    expect(faults({ prompt: "a", metadata: { constructor: "v" } })).toHaveProperty(["metadata.constructor"]);
    expect(
      faults({ prompt: "a", metadata: { k: "v".repeat(LIMITS.metadata_value_bytes_max + 1) } }),
    ).toHaveProperty(["metadata.k"]);
    expect(faults({ prompt: "a", metadata: ["v"] })).toHaveProperty("metadata");
  });

  it.each([null, [], "text", 7, true])("parseWith() refuses a body that is %j", (body) => {
    expect(faults(body)).toEqual({ body: "must be an object" });
  });
});

describe("soundPart()", () => {
  it("soundPart() keeps the fields that are right and drops the others", () => {
    const body = { prompt: " ", width: 65, height: 4096, steps: 3, seed: 7, nothing: 1 };
    expect(soundPart(body)).toEqual({ height: 4096, steps: 3, seed: "7" });
    expect(soundPart([])).toEqual({});
  });

  it("soundPart() drops a strength with its image", () => {
    expect(soundPart({ image: 1, strength: 0.5 })).toEqual({});
    expect(soundPart({ strength: 0.5 })).toEqual({ strength: 0.5 });
  });
});
