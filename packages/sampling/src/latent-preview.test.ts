import { describe, expect, it } from "vitest";
import { latentPreview } from "./latent-preview.js";

/** Two positions of a latent, channel by channel, and their colours by Stability's `decode_latent_to_preview`. */
const LATENT = [
  [0.1438533365726471, -0.6693379282951355],
  [-0.39667850732803345, 0.1963302493095398],
  [-0.8233465552330017, -2.463714599609375],
  [0.48047178983688354, 1.0028257369995117],
  [-0.8587933778762817, 1.1161450147628784],
  [0.5015048980712891, 0.23109093308448792],
  [-0.08635984361171722, 0.8071981072425842],
  [0.07144013047218323, -1.1432677507400513],
  [-0.6057741045951843, -0.5752919316291809],
  [0.509553074836731, -0.13703885674476624],
  [1.1127333641052246, -0.6867291927337646],
  [0.601646363735199, -0.9666782021522522],
  [-0.6645560264587402, 0.022239364683628082],
  [0.8187115788459778, -1.4481254816055298],
  [1.1565285921096802, 0.9741321206092834],
  [0.8188504576683044, 0.39487046003341675],
];
const RGB = [78, 113, 103, 96, 75, 98];

describe("latentPreview()", () => {
  it("gives the reference's colours", () => {
    expect([...latentPreview(Float32Array.from(LATENT.flat()), 1, 2)]).toEqual(RGB);
    expect([...latentPreview(Float32Array.from(LATENT.flat()), 2, 1)]).toEqual(RGB);
  });

  it("clamps to black and white", () => {
    expect([...latentPreview(new Float32Array(16).fill(1000), 1, 1)]).toEqual([255, 255, 255]);
    expect([...latentPreview(new Float32Array(16).fill(-1000), 1, 1)]).toEqual([0, 0, 0]);
  });

  it("rejects a latent of another size", () => {
    expect(() => latentPreview(new Float32Array(16 * 6), 2, 4)).toThrow(RangeError);
  });
});
