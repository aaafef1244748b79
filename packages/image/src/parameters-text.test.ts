import type { FrameParams } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { parametersText } from "./parameters-text.js";
import { exampleRecord } from "./testing/example-record.js";

const textOf = (params: Partial<FrameParams>) => parametersText(exampleRecord(params));

describe("parametersText()", () => {
  it("leaves an empty negative prompt out", () => {
    expect(textOf({ prompt: "a sun", negative_prompt: "" }).split("\n")).toEqual([
      "a sun",
      expect.stringMatching(/^Steps: 8, Sampler: DPM\+\+ 2M, /),
    ]);
  });

  it("keeps names that AUTOMATIC1111 has no word for", () => {
    expect(textOf({ sampler: "res_multistep" })).toContain("Sampler: res_multistep,");
  });

  it("tells the strength of a picture that starts from an image, and the layers skipped", () => {
    const text = textOf({
      init_image: { sha256: "0".repeat(64), strength: 0.6 },
      skip_layer_guidance: { scale: 3, layers: [7, 8, 9], start: 0.01, end: 0.15 },
    });
    expect(text).toContain("Model: demo, Denoising strength: 0.6, Shift: 3, ");
    expect(text).toContain(
      'Skip layers: "7, 8, 9", Skip layer scale: 3, Skip layer start: 0.01, Skip layer end: 0.15, Weights hash: ',
    );
    expect(textOf({})).not.toMatch(/strength|Skip/);
  });

  it("quotes values that would be read as several", () => {
    expect(textOf({ model: "a, Seed: 1" })).toContain('Model: "a, Seed: 1",');
  });

  it("tells no hash of a model without one", () => {
    const { model, ...record } = exampleRecord();
    const { hash: _hash, ...unhashed } = model;
    expect(parametersText({ ...record, model: unhashed })).not.toContain("hash");
  });
});
