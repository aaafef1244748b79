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
    expect(parametersText(PARAMETERS).split("\n")).toEqual([
      "a sun",
      expect.stringMatching(/^Steps: 8, Sampler: Euler, /),
    ]);
  });

  it("keeps names that AUTOMATIC1111 has no word for", () => {
    expect(parametersText({ ...PARAMETERS, sampler: "res_multistep" })).toContain("Sampler: res_multistep,");
  });

  it("quotes values that would be read as several", () => {
    expect(parametersText({ ...PARAMETERS, model: "a, Seed: 1" })).toContain('Model: "a, Seed: 1",');
  });
});
