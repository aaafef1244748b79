import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeFloat32, type TensorPlan, writeSafetensors } from "@latentfarm/safetensors";
import { afterAll, describe, expect, it } from "vitest";
import { unusedTensors } from "../weights/unused-tensors.js";
import { openWeightSource, type WeightSource } from "../weights/weight-source.js";
import { detectClip } from "./clip-config.js";
import { buildClipGraph } from "./clip-graph.js";
import { detectT5 } from "./t5-config.js";
import { buildT5Graph } from "./t5-graph.js";
import { openTokenEmbedding } from "./token-embedding.js";

const ENCODERS = fileURLToPath(new URL("../../../demo-model/model/text_encoders/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "latentfarm-text-"));
afterAll(() => rmSync(folder, { recursive: true }));

const demo = (name: string) => openWeightSource(join(ENCODERS, name));

/** Writes a file of zeros with the demo file's tensors under other names; undefined leaves a tensor out. */
async function variant(name: string, rename: (key: string) => string | undefined): Promise<WeightSource> {
  const tensors: TensorPlan[] = [];
  for (const { name: key, dtype, shape } of demo(name).header.tensors.values()) {
    const renamed = rename(key);
    if (renamed !== undefined) tensors.push({ name: renamed, dtype, shape });
  }
  return write(tensors);
}

async function write(tensors: readonly TensorPlan[]): Promise<WeightSource> {
  const path = join(folder, "file.safetensors");
  const count = ({ shape }: TensorPlan) => shape.reduce((product, length) => product * length, 1);
  await writeSafetensors(path, tensors, {
    fill: (tensor) => [
      encodeFloat32("F8_E4M3", new Float32Array(count(tensor) * (tensor.dtype === "F16" ? 2 : 1))),
    ],
  });
  return openWeightSource(path);
}

describe("detectClip()", () => {
  it("derives sizes from the tensors", () => {
    expect(detectClip(demo("clip_g.safetensors"), "clip_g")).toEqual({
      kind: "clip_g",
      prefix: "",
      layers: 2,
      hidden: 128,
      heads: 2,
      positions: 20,
      vocabulary: 658,
      projection: "text_projection.weight",
      projectionWidth: 128,
    });
  });

  it("names a T5 encoder in its place", () => {
    const source = demo("t5xxl_fp8_e4m3fn.safetensors");
    expect(() => detectClip(source, "clip_l")).toThrow(
      /Cannot use t5xxl_fp8_e4m3fn\.safetensors as a CLIP-L text encoder: content is a T5 encoder, expected/,
    );
  });

  it.each([
    ["clip_l", 1280, "CLIP-G"],
    ["clip_g", 768, "CLIP-L"],
  ] as const)("rejects in the place of %s the encoder of width %i", async (kind, width, other) => {
    const source = await write([
      { name: "text_model.embeddings.token_embedding.weight", dtype: "F8_E4M3", shape: [4, width] },
      { name: "text_model.embeddings.position_embedding.weight", dtype: "F8_E4M3", shape: [77, width] },
      { name: "text_model.encoder.layers.0.layer_norm1.weight", dtype: "F8_E4M3", shape: [width] },
    ]);
    expect(() => detectClip(source, kind)).toThrow(new RegExp(`hidden width is ${width} \\(${other}'s\\)`));
  });

  it("finds an encoder under its prefix of an all-in-one checkpoint", async () => {
    const prefix = "text_encoders.clip_l.transformer.";
    const source = await variant("clip_l.safetensors", (key) => prefix + key);
    const config = detectClip(source, "clip_l", prefix);
    expect(buildClipGraph(source, config).component).toBe("clip_l");
    expect(() => detectClip(source, "clip_l")).toThrow(
      /content is a CLIP text encoder, expected keys text_model/,
    );
  });
});

describe("buildClipGraph()", () => {
  it("reads every tensor but the token table", () => {
    const source = demo("clip_l.safetensors");
    buildClipGraph(source, detectClip(source, "clip_l"));
    expect(unusedTensors(source)).toEqual(["text_model.embeddings.token_embedding.weight"]);
  });

  it("takes a projection that is stored transposed, and none for the identity", async () => {
    const stored = await variant("clip_g.safetensors", (key) =>
      key.replace("projection.weight", "projection"),
    );
    expect(detectClip(stored, "clip_g").projection).toBe("text_projection");
    buildClipGraph(stored, detectClip(stored, "clip_g"));
    expect(stored.usedTensors.has("text_projection")).toBe(true);
    const none = await variant("clip_g.safetensors", (key) =>
      key.startsWith("text_proj") ? undefined : key,
    );
    const config = detectClip(none, "clip_g");
    expect([config.projection, config.projectionWidth]).toEqual([undefined, 128]);
    expect(buildClipGraph(none, config).model.length).toBeGreaterThan(0);
  });

  it("names a tensor that is missing", async () => {
    const lost = "text_model.encoder.layers.1.mlp.fc2.weight";
    const source = await variant("clip_l.safetensors", (key) => (key === lost ? undefined : key));
    expect(() => buildClipGraph(source, detectClip(source, "clip_l"))).toThrow(
      /tensor text_model\.encoder\.layers\.1\.mlp\.fc2\.weight is missing, expected shape \[64,256\]/,
    );
  });
});

describe("detectT5()", () => {
  const t5 = "t5xxl_fp8_e4m3fn.safetensors";

  it("derives sizes from the tensors", () => {
    expect(detectT5(demo(t5))).toMatchObject({
      hidden: 256,
      heads: 4,
      inner: 256,
      gate: 512,
      vocabulary: 141,
    });
  });

  it("takes the table under its other name", async () => {
    const source = await variant(t5, (key) => key.replace("shared", "encoder.embed_tokens"));
    expect(detectT5(source).embedding).toBe("encoder.embed_tokens.weight");
    const none = await variant(t5, (key) => (key.startsWith("shared") ? undefined : key));
    expect(() => detectT5(none)).toThrow(/is missing, expected the token table/);
  });

  it("rejects T5 v1.0, umT5 and a CLIP encoder", async () => {
    const old = await variant(t5, (key) => key.replace("wi_0", "wi"));
    expect(() => detectT5(old)).toThrow(/T5 v1\.0 encoder/);
    const bias = (block: number) =>
      `encoder.block.${block}.layer.0.SelfAttention.relative_attention_bias.weight`;
    const multilingual = await variant(t5, (key) =>
      key === "encoder.block.1.layer.0.layer_norm.weight" ? bias(1) : key,
    );
    expect(() => detectT5(multilingual)).toThrow(/umT5/);
    expect(() => detectT5(demo("clip_l.safetensors"))).toThrow(/content is a CLIP text encoder, expected/);
  });
});

describe("buildT5Graph()", () => {
  it("reads every tensor but the token table", () => {
    const source = demo("t5xxl_fp8_e4m3fn.safetensors");
    buildT5Graph(source, detectT5(source));
    expect(unusedTensors(source)).toEqual(["shared.weight"]);
  });
});

describe("openTokenEmbedding()", () => {
  it("gives rows in the order asked for and refuses an id outside the table", () => {
    using table = openTokenEmbedding(demo("t5xxl_fp8_e4m3fn.safetensors"), "shared.weight");
    const both = table.rows([7, 3]);
    expect(both.subarray(256)).toEqual(table.rows([3]));
    expect(both.some((value) => value !== 0)).toBe(true);
    expect(() => table.rows([141])).toThrow(RangeError);
  });

  it("reads NaN as 0", async () => {
    const path = join(folder, "nan.safetensors");
    await writeSafetensors(path, [{ name: "t", dtype: "F8_E4M3", shape: [1, 3] }], {
      fill: () => [Uint8Array.of(0x7f, 0x38, 0xff)], // NaN, 1, NaN
    });
    using table = openTokenEmbedding(openWeightSource(path), "t");
    expect([...table.rows([0])]).toEqual([0, 1, 0]);
  });
});
