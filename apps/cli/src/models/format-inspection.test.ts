import { type ModelInspection, SYNTH_ARCHITECTURES } from "@latentfarm/sd35";
import { expect, test } from "vitest";
import { formatBytes } from "./format-bytes.js";
import { formatInspection } from "./format-inspection.js";
import { SYNTH_NAMES } from "./write-synth-model.js";

test("formatBytes() takes the unit in which three digits say most", () => {
  expect([0, 999, 1_000, 999_499, 999_800, 8_140_000_000].map(formatBytes)).toEqual([
    "0 B",
    "999 B",
    "1.00 kB",
    "999 kB",
    "1.00 MB",
    "8.14 GB",
  ]);
});

test("formatInspection() tells files, dtypes by weight, problems and notes", () => {
  const inspection: ModelInspection = {
    dir: "/models/x",
    name: "x",
    files: [
      {
        path: "checkpoints/a.safetensors",
        bytes: 3_000,
        kind: "an SD3 diffusion model",
        roles: ["diffusion_model"],
        dtypes: { F16: 1_000, F8_E4M3: 2_000 },
      },
      { path: "broken.safetensors", bytes: 3, kind: "Cannot read it", roles: [], dtypes: {} },
    ],
    problems: ["no VAE"],
    notes: ["no T5"],
    runnable: false,
  };
  const text = formatInspection(inspection);
  for (const part of [
    "cannot run",
    "checkpoints/a.safetensors  3.00 kB",
    "an SD3 diffusion model; used for diffusion_model",
    "F8_E4M3 2.00 kB, F16 1.00 kB",
    "Cannot read it; not used",
    "no VAE",
    "no T5",
  ]) {
    expect(text).toContain(part);
  }
});

test("SYNTH_NAMES are the architectures that can be synthesised", () => {
  expect([...SYNTH_NAMES]).toEqual([...SYNTH_ARCHITECTURES]);
});
