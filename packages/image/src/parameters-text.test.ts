import { describe, expect, it } from "vitest";
import { parametersText } from "./parameters-text.js";

const PARAMETERS = {
  prompt: "a sun",
  negative_prompt: "",
  model: "demo",
  width: 64,
  height: 64,
  steps: 8,
  guidance_scale: 1,
  sampler: "euler",
  scheduler: "simple",
  shift: 3,
  seed: "7",
  output_format: "png",
  output_quality: 90,
} as const;

describe("parametersText()", () => {
  it("leaves an empty negative prompt out", () => {
    expect(parametersText(PARAMETERS, "cpu").split("\n")).toEqual([
      "a sun",
      expect.stringMatching(/^Steps: 8, Sampler: Euler, /),
    ]);
  });

  it("keeps names that AUTOMATIC1111 has no word for", () => {
    expect(parametersText({ ...PARAMETERS, sampler: "res_multistep" }, "cpu")).toContain(
      "Sampler: res_multistep,",
    );
  });

  it("tells the strength of a picture that starts from an image, and the layers skipped", () => {
    const text = parametersText(
      {
        ...PARAMETERS,
        init_image: { sha256: "0".repeat(64), strength: 0.6 },
        skip_layer_guidance: { scale: 3, layers: [7, 8, 9], start: 0.01, end: 0.15 },
      },
      "cpu",
    );
    expect(text).toContain("Model: demo, Denoising strength: 0.6, Shift: 3, ");
    expect(text).toContain(
      'Skip layers: "7, 8, 9", Skip layer scale: 3, Skip layer start: 0.01, Skip layer end: 0.15, Precision plan: cpu, Version',
    );
    expect(parametersText(PARAMETERS, "cpu")).not.toMatch(/strength|Skip/);
  });

  it("quotes values that would be read as several", () => {
    expect(parametersText({ ...PARAMETERS, model: "a, Seed: 1" }, "cpu")).toContain('Model: "a, Seed: 1",');
  });
});
