import { describe, expect, it } from "vitest";
import { synthTensors } from "../synth/synth-tensors.js";
import { findGraphFaults } from "../testing/check-graph.js";
import { plannedSource } from "../testing/planned-source.js";
import { detectVae } from "./config.js";
import { buildVaeDecoder, vaeDecoderGraph } from "./decoder.js";
import { vaeEncoderGraph } from "./encoder.js";

const VAE = synthTensors("sd3-medium").filter(({ name }) => name.startsWith("first_stage_model."));

describe("detectVae()", () => {
  it("counts levels and blocks of both halves", () => {
    expect(detectVae(plannedSource(VAE), "decoder")).toEqual({
      prefix: "first_stage_model.decoder.",
      blocksPerLevel: [3, 3, 3, 3],
    });
    expect(detectVae(plannedSource(VAE), "encoder").blocksPerLevel).toEqual([2, 2, 2, 2]);
  });

  it("takes a file of the VAE alone", () => {
    const alone = VAE.map((tensor) => ({ ...tensor, name: tensor.name.replace("first_stage_model.", "") }));
    expect(detectVae(plannedSource(alone), "decoder").prefix).toBe("decoder.");
  });

  it("rejects the 4-channel VAE of SDXL", () => {
    const sdxl = VAE.map((tensor) =>
      tensor.name.endsWith("decoder.conv_in.weight") ? { ...tensor, shape: [512, 4, 3, 3] } : tensor,
    );
    expect(() => detectVae(plannedSource(sdxl), "decoder")).toThrow(/latent of 4 channels, expected 16/);
  });

  it("rejects a VAE with a level too few", () => {
    const short = VAE.filter(({ name }) => !name.includes("decoder.up.3."));
    expect(() => detectVae(plannedSource(short), "decoder")).toThrow(
      /number of levels in .* is 3, expected 4/,
    );
  });

  it("says what a file is that holds no VAE", () => {
    const source = plannedSource([
      { name: "decoder.up_blocks.0.resnets.0.conv1.weight", dtype: "F16", shape: [8, 8, 3, 3] },
    ]);
    expect(() => detectVae(source, "decoder")).toThrow(/file is a VAE in diffusers form, expected keys like/);
  });
});

describe("vaeDecoderGraph()", () => {
  it("decodes the mapped weights before all else", () => {
    const source = plannedSource(VAE);
    expect(findGraphFaults(vaeDecoderGraph(source).finish(), source)).toEqual([]);
  });

  it("doubles the picture three times", () => {
    const graph = vaeDecoderGraph(plannedSource(VAE)).finish();
    expect(graph.nodes.filter(({ op }) => op === "Resize")).toHaveLength(3);
    expect(graph.outputs).toEqual([
      { name: "image", dtype: "float32", dims: ["batch", 3, "image_height", "image_width"] },
    ]);
  });
});

describe("vaeEncoderGraph()", () => {
  it("decodes the mapped weights before all else", () => {
    const source = plannedSource(VAE);
    expect(findGraphFaults(vaeEncoderGraph(source).finish(), source)).toEqual([]);
  });

  it("halves the picture three times", () => {
    const graph = vaeEncoderGraph(plannedSource(VAE)).finish();
    const halving = graph.nodes.filter(({ attributes }) => `${attributes.strides}` === "2,2");
    expect(halving.map(({ attributes }) => attributes.pads)).toEqual(new Array(3).fill([0, 0, 1, 1]));
  });
});

describe("buildVaeDecoder()", () => {
  it("rejects channels that do not divide into the groups of its norms", () => {
    const odd = VAE.map((tensor) =>
      tensor.name.endsWith("decoder.conv_in.weight")
        ? { ...tensor, shape: [100, 16, 3, 3] }
        : tensor.name.endsWith("decoder.conv_in.bias")
          ? { ...tensor, shape: [100] }
          : tensor,
    );
    expect(() => buildVaeDecoder(plannedSource(odd))).toThrow(/is 100, expected a multiple of 32/);
  });
});
