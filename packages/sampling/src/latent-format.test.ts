import { describe, expect, it } from "vitest";
import { latentToVae, vaeToLatent } from "./latent-format.js";

/** Written by Stability's `SD3LatentFormat` in float32. */
const LATENT = [0.1438533365726471, -0.6693379282951355, -0.6477813720703125];
const PROCESS_IN = [0.12696008384227753, -1.1176291704177856, -1.0846368074417114];
const PROCESS_OUT = [0.15489107370376587, -0.3764328360557556, -0.36234816908836365];

describe("latentToVae()", () => {
  it("gives the reference's process_out in every bit", () => {
    expect([...latentToVae(Float32Array.from(LATENT))]).toEqual(PROCESS_OUT);
  });
});

describe("vaeToLatent()", () => {
  it("gives the reference's process_in in every bit", () => {
    expect([...vaeToLatent(Float32Array.from(LATENT))]).toEqual(PROCESS_IN);
  });
});
