import { FarmError } from "@latentfarm/contract";

/** Colours of a pixel: red, green, blue. */
const COLOURS = 3;

/** The largest value of a byte. */
const BYTE_MAX = 255;

/**
 * The VAE's image as bytes: ``float32 [3, height, width]`` of -1 to 1 becomes ``uint8 [height, width, 3]``. A byte is
 * cut, not rounded, as in the reference.
 *
 * Source: ComfyUI, `comfy/sd.py`, `VAE.process_output` (`clamp((x + 1) / 2, 0, 1)`), and `nodes.py`, `SaveImage`
 * (`clip(255 x)` to uint8).
 * @throws {FarmError} numeric_fault when a value is not finite
 */
export function toRgb(image: Float32Array, width: number, height: number): Uint8Array {
  const pixels = width * height;
  if (image.length !== pixels * COLOURS) {
    throw new RangeError(`Cannot convert a picture: values is ${image.length} for ${width}x${height}`);
  }
  const rgb = new Uint8Array(image.length);
  for (let colour = 0; colour < COLOURS; colour += 1) {
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      const value = image[colour * pixels + pixel]!;
      if (!Number.isFinite(value)) throw notFinite();
      rgb[pixel * COLOURS + colour] = Math.floor(Math.min(Math.max((value + 1) / 2, 0), 1) * BYTE_MAX);
    }
  }
  return rgb;
}

/**
 * Bytes as the VAE's encoder takes them: ``uint8 [height, width, 3]`` becomes ``float32 [3, height, width]`` of -1 to
 * 1. Source: ComfyUI, `comfy/sd.py`, `VAE.process_input` (`2 x - 1` of bytes over 255).
 */
export function fromRgb(rgb: Uint8Array, width: number, height: number): Float32Array {
  const pixels = width * height;
  if (rgb.length !== pixels * COLOURS) {
    throw new RangeError(`Cannot convert a picture: bytes is ${rgb.length} for ${width}x${height}`);
  }
  const image = new Float32Array(rgb.length);
  for (let colour = 0; colour < COLOURS; colour += 1) {
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      image[colour * pixels + pixel] = (rgb[pixel * COLOURS + colour]! / BYTE_MAX) * 2 - 1;
    }
  }
  return image;
}

function notFinite(): FarmError {
  return new FarmError("numeric_fault", "Cannot finish the frame as the decoded picture is not finite");
}
