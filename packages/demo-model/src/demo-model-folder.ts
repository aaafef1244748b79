import { fileURLToPath } from "node:url";

/**
 * The folder of Postcards, the small model that the farm renders with when no other is named: a checkpoint, text
 * encoders and tokenizers in ComfyUI's layout, with a manifest.
 */
export function demoModelFolder(): string {
  return fileURLToPath(new URL("../model", import.meta.url)); // The same from src/ and from dist/.
}
