import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import { createGraph } from "@latentfarm/onnx";
import { encodeFloat32, type TensorPlan, writeSafetensors } from "@latentfarm/safetensors";
import { afterAll, describe, expect, it } from "vitest";
import { linear } from "./linear.js";
import { unusedTensors } from "./unused-tensors.js";
import { openWeightSource } from "./weight-source.js";
import { createWeights } from "./weights.js";

const folder = mkdtempSync(join(tmpdir(), "latentfarm-weights-"));
afterAll(() => rmSync(folder, { recursive: true }));

const WEIGHT: TensorPlan = { name: "a.weight", dtype: "F8_E4M3", shape: [2, 4] };
const OTHER: TensorPlan = { name: "b.weight", dtype: "F8_E4M3", shape: [2, 4] };
const MARKER: TensorPlan = { name: "scaled_fp8", dtype: "F8_E4M3", shape: [0] };
const SCALE: TensorPlan = { name: "a.scale_weight", dtype: "F32", shape: [] };

interface TestFile {
  readonly tensors: readonly TensorPlan[];
  readonly scale?: number;
  readonly marker?: string;
  readonly metadata?: Record<string, string>;
}

/** Writes a file; markers hold `marker`, scales hold `scale`, all else zeros. */
async function write({ tensors, scale = 0.25, marker = "", metadata }: TestFile): Promise<string> {
  const path = join(folder, `${crypto.randomUUID()}.safetensors`);
  const fill = ({ name, dtype, shape }: TensorPlan) => {
    if (name.endsWith(".comfy_quant")) return [new TextEncoder().encode(marker)];
    const count = shape.reduce((product, length) => product * length, 1);
    if (dtype === "U8") return [new Uint8Array(count)];
    return [encodeFloat32(dtype, new Float32Array(count).fill(name.includes("scale") ? scale : 0))];
  };
  await writeSafetensors(path, tensors, { fill, ...(metadata && { metadata }) });
  return path;
}

function markerPlan(marker: string): TensorPlan {
  return { name: "a.comfy_quant", dtype: "U8", shape: [marker.length] };
}

async function quantizationOf(file: TestFile) {
  return openWeightSource(await write(file)).quantization;
}

/** Builds y = x * a^T over the file and gives the scale that the graph decodes by. */
function buildLayer(path: string, layer = "a") {
  const source = openWeightSource(path);
  const graph = createGraph("layer");
  const x = graph.input("x", "float32", ["batch", 4]);
  const weights = createWeights({ graph, source, prefix: "", as: "a layer" });
  graph.output("y", linear(weights.in(layer), x), { dtype: "float32", dims: ["batch", 2] });
  const decode = graph.finish().nodes.find(({ op }) => op === "DequantizeLinear");
  return { source, scale: decode?.inputs[1] };
}

const MARKER_TEXT = JSON.stringify({ format: "float8_e4m3fn" });
const LAYERS = (format: string) => ({
  _quantization_metadata: JSON.stringify({ format_version: "1.0", layers: { a: { format } } }),
});

describe("readQuantization()", () => {
  it("takes plain FP8 as scaled by 1", async () => {
    const path = await write({ tensors: [WEIGHT] });
    expect(openWeightSource(path).quantization.form).toBe("plain");
    expect(buildLayer(path).scale).toBe("const.float32[](1)");
  });

  it("reads scaled_fp8 and scale_weight", async () => {
    const path = await write({ tensors: [MARKER, WEIGHT, SCALE] });
    const { source, scale } = buildLayer(path);
    expect(source.quantization).toEqual({
      form: "scaled_fp8",
      scales: new Map([["a", 0.25]]),
      scaledPrefixes: [""],
    });
    expect(scale).toBe("const.float32[](0.25)");
    expect(unusedTensors(source)).toEqual([]);
  });

  it("reads comfy_quant and weight_scale, of one element, with e5m2 weights", async () => {
    const marker = JSON.stringify({ format: "float8_e5m2", full_precision_matrix_mult: true });
    const path = await write({
      marker,
      tensors: [
        { ...WEIGHT, dtype: "F8_E5M2" },
        markerPlan(marker),
        { name: "a.weight_scale", dtype: "F32", shape: [1] },
        { name: "a.input_scale", dtype: "F32", shape: [] },
      ],
    });
    const { source, scale } = buildLayer(path);
    expect(source.quantization.form).toBe("comfy_quant");
    expect(scale).toBe("const.float32[](0.25)");
    expect(unusedTensors(source)).toEqual([]);
  });

  it("reads _quantization_metadata", async () => {
    const tensors = [WEIGHT, { ...SCALE, name: "a.weight_scale" }];
    const quantization = await quantizationOf({ tensors, metadata: LAYERS("float8_e4m3fn") });
    expect(quantization).toMatchObject({ form: "_quantization_metadata", scales: new Map([["a", 0.25]]) });
  });

  it.each<[string, TestFile, RegExp]>([
    [
      "nvfp4 in the metadata",
      { tensors: [{ ...WEIGHT, dtype: "U8" }], metadata: LAYERS("nvfp4") },
      /format of a\.weight is "nvfp4", expected float8_e4m3fn or float8_e5m2/,
    ],
    [
      "nvfp4 by its packed weight",
      {
        tensors: [
          { ...WEIGHT, dtype: "U8" },
          { ...SCALE, name: "a.weight_scale" },
        ],
      },
      /a\.weight is a packed one \(nvfp4\)/,
    ],
    [
      "a declared layer without its scale",
      { tensors: [WEIGHT, markerPlan(MARKER_TEXT)], marker: MARKER_TEXT },
      /a\.weight_scale is missing, expected the scale of a float8_e4m3fn weight/,
    ],
    [
      "a declared layer of another dtype",
      { tensors: [{ ...WEIGHT, dtype: "F16" }], metadata: LAYERS("float8_e4m3fn") },
      /dtype of a\.weight is F16, expected F8_E4M3/,
    ],
    [
      "a declared layer without its weight",
      { tensors: [OTHER], metadata: LAYERS("float8_e4m3fn") },
      /a\.weight is missing/,
    ],
    [
      "a scale beside a weight that is not FP8",
      { tensors: [{ ...WEIGHT, dtype: "F16" }, SCALE] },
      /dtype of a\.weight is F16, expected F8_E4M3 or F8_E5M2 beside a\.scale_weight/,
    ],
    ["a scale per row", { tensors: [WEIGHT, { ...SCALE, shape: [2] }] }, /is \[2\], expected one number/],
    ["a scale of zero", { tensors: [WEIGHT, SCALE], scale: 0 }, /a\.scale_weight is 0, expected a positive/],
    ["a scale of infinity", { tensors: [WEIGHT, SCALE], scale: Infinity }, /is Infinity, expected/],
    [
      "a marker that is no JSON",
      { tensors: [WEIGHT, markerPlan("{")], marker: "{" },
      /a\.comfy_quant is not JSON/,
    ],
    [
      "metadata that is no JSON",
      { tensors: [WEIGHT], metadata: { _quantization_metadata: "{" } },
      /metadata _quantization_metadata is not JSON/,
    ],
  ])("rejects %s", async (_, file, message) => {
    const error = await quantizationOf(file).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FarmError);
    expect(error).toMatchObject({ code: "model_invalid", message: expect.stringMatching(message) });
  });
});

describe("linear()", () => {
  it("rejects an FP8 weight without a scale in a marked file", async () => {
    const path = await write({ tensors: [MARKER, WEIGHT] });
    expect(() => buildLayer(path)).toThrow(
      /scale of a\.weight is missing, expected a\.scale_weight or a\.weight_scale/,
    );
  });

  it("rejects one FP8 weight without a scale among others that have one", async () => {
    const path = await write({ tensors: [WEIGHT, SCALE, OTHER] });
    expect(buildLayer(path).scale).toBe("const.float32[](0.25)");
    expect(() => buildLayer(path, "b")).toThrow(/scale of b\.weight is missing/);
  });

  it("takes F16 beside scaled FP8", async () => {
    const path = await write({ tensors: [MARKER, WEIGHT, SCALE, { ...OTHER, dtype: "F16" }] });
    expect(buildLayer(path, "b").scale).toBeUndefined();
  });

  it("rejects a weight of integers", async () => {
    const path = await write({ tensors: [{ ...WEIGHT, dtype: "U8" }] });
    expect(() => buildLayer(path)).toThrow(/dtype of a\.weight is U8, expected one of F32, F16, BF16/);
  });
});

describe("openWeightSource()", () => {
  it("follows a link to the folder of the file itself, and keeps the link's name for messages", async () => {
    const path = await write({ tensors: [WEIGHT] });
    const other = mkdtempSync(join(tmpdir(), "latentfarm-link-"));
    const link = join(other, "linked.safetensors");
    symlinkSync(path, link);
    const source = openWeightSource(link);
    rmSync(other, { recursive: true });
    expect(source).toMatchObject({ name: "linked.safetensors", location: basename(path) });
    expect(source.folder).toBe(dirname(path));
  });

  it("rejects a file that is missing", () => {
    expect(() => openWeightSource(join(folder, "nowhere.safetensors"))).toThrow(FarmError);
  });
});

describe("unusedTensors()", () => {
  it("reports what no graph took, except markers and scales of activations", async () => {
    const path = await write({
      tensors: [
        MARKER,
        WEIGHT,
        SCALE,
        { name: "a.scale_input", dtype: "F32", shape: [] },
        { name: "extra.weight", dtype: "F16", shape: [3] },
      ],
    });
    expect(unusedTensors(buildLayer(path).source)).toEqual(["extra.weight"]);
  });
});
