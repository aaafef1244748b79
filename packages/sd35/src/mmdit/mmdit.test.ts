import type { TensorPlan } from "@latentfarm/safetensors";
import { describe, expect, it } from "vitest";
import { SYNTH_ARCHITECTURES, synthTensors } from "../synth/synth-tensors.js";
import { findGraphFaults } from "../testing/check-graph.js";
import { plannedSource } from "../testing/planned-source.js";
import { buildVaeDecoder } from "../vae/decoder.js";
import { buildVaeEncoder } from "../vae/encoder.js";
import { unusedTensors } from "../weights/unused-tensors.js";
import { detectMmdit, withSkippableBlocks } from "./config.js";
import { buildMmdit, mmditGraph } from "./mmdit.js";

const PREFIX = "model.diffusion_model.";

/** The tensors of SD3.5 Medium, changed by `change`; undefined drops one. */
function medium(change: (tensor: TensorPlan) => TensorPlan | undefined): TensorPlan[] {
  return synthTensors("sd3.5-medium").flatMap((tensor) => change(tensor) ?? []);
}

function without(key: string): TensorPlan[] {
  return medium((tensor) => (tensor.name === PREFIX + key ? undefined : tensor));
}

describe("detectMmdit()", () => {
  it("reads SD3.5 Large off its shapes", () => {
    expect(detectMmdit(plannedSource(synthTensors("sd3.5-large")))).toEqual({
      prefix: PREFIX,
      architecture: "sd3.5-large",
      depth: 38,
      hidden: 2432,
      heads: 38,
      qkNorm: true,
      dualAttentionBlocks: new Set(),
      positionGrid: 192,
      contextWidth: 4096,
      pooledWidth: 2048,
    });
  });

  it("finds the dual attention blocks and the larger position table of SD3.5 Medium", () => {
    const config = detectMmdit(plannedSource(synthTensors("sd3.5-medium")));
    expect([...config.dualAttentionBlocks]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(config).toMatchObject({ architecture: "sd3.5-medium", positionGrid: 384, hidden: 1536 });
  });

  it("finds that SD3 Medium has no qk-norm", () => {
    const config = detectMmdit(plannedSource(synthTensors("sd3-medium")));
    expect(config).toMatchObject({ architecture: "sd3-medium", qkNorm: false });
  });

  it("takes a file of the diffusion model alone", () => {
    const alone = medium((tensor) => ({ ...tensor, name: tensor.name.replace(PREFIX, "") }));
    expect(detectMmdit(plannedSource(alone)).prefix).toBe("");
  });

  it.each([
    ["conditioner.embedders.1.model.ln_final.weight", "an SDXL checkpoint"],
    ["double_blocks.0.img_attn.qkv.weight", "a Flux diffusion model"],
    ["encoder.block.0.layer.0.SelfAttention.q.weight", "a T5 encoder"],
  ])("rejects a file with %s and says that it is %s", (name, what) => {
    const source = plannedSource([{ name, dtype: "F16", shape: [8, 8] }]);
    expect(() => detectMmdit(source)).toThrow(new RegExp(`file is ${what}, expected the key joint_blocks`));
  });

  it("rejects a file of the VAE alone", () => {
    const source = plannedSource(synthTensors("sd3-medium").filter(({ name }) => !name.startsWith(PREFIX)));
    expect(() => detectMmdit(source)).toThrow(/file is a(n SD3)? VAE/);
  });

  it("rejects a file whose blocks end too early", () => {
    const source = plannedSource(without("joint_blocks.23.x_block.attn.qkv.weight"));
    expect(() => detectMmdit(source)).toThrow(/number of joint_blocks is 23, expected 24/);
  });

  it("rejects a position table that is no square", () => {
    const source = plannedSource(
      medium((tensor) =>
        tensor.name.endsWith("pos_embed") ? { ...tensor, shape: [1, 1000, 1536] } : tensor,
      ),
    );
    expect(() => detectMmdit(source)).toThrow(/pos_embed is 1000, expected a square/);
  });
});

describe("mmditGraph()", () => {
  it.each(SYNTH_ARCHITECTURES.flatMap((name) => [[name, "scaled"] as const, [name, "plain"] as const]))(
    "decodes the mapped weights of %s, %s, before all else",
    (architecture, form) => {
      const source = plannedSource(synthTensors(architecture, { form }));
      const graph = mmditGraph(source, detectMmdit(source)).finish();
      expect(findGraphFaults(graph, source)).toEqual([]);
      expect(graph.inputs.map(({ name, dims }) => [name, dims])).toEqual([
        ["latent", ["batch", 16, "height", "width"]],
        ["timestep", ["batch"]],
        ["context", ["batch", "tokens", 4096]],
        ["pooled", ["batch", 2048]],
      ]);
    },
  );

  it("takes one number a block from each row of SD3.5 Medium, and nothing more from other models", () => {
    for (const target of ["cpu", "cuda"] as const) {
      const source = plannedSource(synthTensors("sd3.5-medium"));
      const graph = mmditGraph(source, withSkippableBlocks(detectMmdit(source)), target).finish();
      expect(graph.inputs.at(-1)).toMatchObject({ name: "keep", dims: ["batch", 24] });
    }
    for (const other of ["sd3.5-large", "sd3-medium"] as const) {
      const config = detectMmdit(plannedSource(synthTensors(other)));
      expect(withSkippableBlocks(config)).toBe(config);
    }
  });

  it("uses one second attention for each dual block", () => {
    const source = plannedSource(synthTensors("sd3.5-medium"));
    const graph = mmditGraph(source, detectMmdit(source)).finish();
    expect(graph.nodes.filter(({ op }) => op === "MultiHeadAttention")).toHaveLength(24 + 13);
  });

  it("multiplies by the file's scale, and by 1 where the file has none", () => {
    for (const [form, scale] of [
      ["scaled", "const.float32[](0.5)"],
      ["plain", "const.float32[](1)"],
    ] as const) {
      const source = plannedSource(synthTensors("sd3-medium", { form }));
      const graph = mmditGraph(source, detectMmdit(source)).finish();
      const scales = graph.nodes.filter(({ op }) => op === "DequantizeLinear").map(({ inputs }) => inputs[1]);
      expect(new Set(scales)).toEqual(new Set([scale]));
    }
  });

  it("crops an FP8 position table by its bytes, before decoding it", () => {
    const source = plannedSource(
      medium((tensor) => (tensor.name.endsWith("pos_embed") ? { ...tensor, dtype: "F8_E4M3" } : tensor)),
    );
    const graph = mmditGraph(source, detectMmdit(source)).finish();
    expect(findGraphFaults(graph, source)).toEqual([]);
    const table = graph.initializers.find(({ name }) => name === `${PREFIX}pos_embed`);
    expect(table).toMatchObject({ dtype: "uint8", shape: [384, 384, 1536] });
    expect(
      graph.nodes.filter(({ inputs }) => inputs.includes(table?.name ?? "")).map(({ op }) => op),
    ).toEqual(["Gather"]);
  });
});

describe("buildMmdit()", () => {
  it.each(SYNTH_ARCHITECTURES)("leaves no tensor of %s unused beside the VAE", (architecture) => {
    const source = plannedSource(synthTensors(architecture));
    buildMmdit(source);
    buildVaeDecoder(source);
    buildVaeEncoder(source);
    expect(unusedTensors(source)).toEqual([]);
  });

  it("keeps the model of Large far below the size of its weights", () => {
    const { model } = buildMmdit(plannedSource(synthTensors("sd3.5-large")));
    expect(model.length).toBeLessThan(2_000_000);
  });

  it("names a tensor that is missing", () => {
    const source = plannedSource(without("joint_blocks.3.x_block.mlp.fc2.weight"));
    expect(() => buildMmdit(source)).toThrow(
      /tensor model\.diffusion_model\.joint_blocks\.3\.x_block\.mlp\.fc2\.weight is missing, expected shape \[1536,6144\]/,
    );
  });

  it("names a tensor of another shape", () => {
    const source = plannedSource(
      medium((tensor) =>
        tensor.name.endsWith("joint_blocks.5.context_block.attn.qkv.bias")
          ? { ...tensor, shape: [1536] }
          : tensor,
      ),
    );
    expect(() => buildMmdit(source)).toThrow(/qkv\.bias is \[1536\], expected \[4608\]/);
  });

  it("names a scaled layer whose scale is missing", () => {
    const source = plannedSource(without("joint_blocks.7.x_block.attn.proj.scale_weight"));
    expect(() => buildMmdit(source)).toThrow(
      /scale of model\.diffusion_model\.joint_blocks\.7\.x_block\.attn\.proj\.weight is missing, expected/,
    );
  });
});
