import { LATENT_CHANNELS } from "./latent-format.js";

/**
 * Red, green and blue of each latent channel, in pictures of -1 to 1.
 * Source: Stability-AI/sd3.5 `sd3_impls.py`, `SD3LatentFormat.decode_latent_to_preview`.
 */
const RGB_FACTORS: readonly (readonly [number, number, number])[] = [
  [-0.0645, 0.0177, 0.1052],
  [0.0028, 0.0312, 0.065],
  [0.1848, 0.0762, 0.036],
  [0.0944, 0.036, 0.0889],
  [0.0897, 0.0506, -0.0364],
  [-0.002, 0.1203, 0.0284],
  [0.0855, 0.0118, 0.0283],
  [-0.0539, 0.0658, 0.1047],
  [-0.0057, 0.0116, 0.07],
  [-0.0412, 0.0281, -0.0039],
  [0.1106, 0.1171, 0.122],
  [-0.0248, 0.0682, -0.0481],
  [0.0815, 0.0846, 0.1207],
  [-0.012, -0.0055, -0.0867],
  [-0.0749, -0.0634, -0.0456],
  [-0.1418, -0.1457, -0.1259],
];

const RGB_CHANNELS = 3;
const BYTE_MAX = 255;

/**
 * A small picture of a latent without the VAE, one pixel per latent position: the denoiser's latent
 * ``float32 [16, height, width]`` to ``uint8 [height, width, 3]``. Give it the denoised estimate; the noisy latent
 * shows noise.
 * @throws {RangeError} when the latent is not of that size
 */
export function latentPreview(latent: Float32Array, height: number, width: number): Uint8Array {
  const positions = height * width;
  if (latent.length !== LATENT_CHANNELS * positions) {
    throw new RangeError(
      `Cannot draw latent as a preview: length is ${latent.length} for ${height}x${width}`,
    );
  }
  const rgb = new Uint8Array(positions * RGB_CHANNELS);
  for (let position = 0; position < positions; position += 1) {
    for (let colour = 0; colour < RGB_CHANNELS; colour += 1) {
      let value = 0;
      for (let channel = 0; channel < LATENT_CHANNELS; channel += 1) {
        value += latent[channel * positions + position]! * RGB_FACTORS[channel]![colour]!;
      }
      const unit = Math.min(Math.max((value + 1) / 2, 0), 1);
      rgb[position * RGB_CHANNELS + colour] = Math.floor(unit * BYTE_MAX);
    }
  }
  return rgb;
}
