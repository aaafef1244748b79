import { FarmError } from "@latentfarm/contract";
import { decodeRgb } from "@latentfarm/image";
import type { FrameWork } from "@latentfarm/queue";
import { inputKey, type ObjectStore } from "@latentfarm/storage";

/**
 * The pixels that a frame starts from, ``uint8 [height, width, 3]``, or undefined when it starts from noise alone.
 * @throws {FarmError} store_unavailable when the store does not hold what the gateway put there; file_invalid
 */
export async function loadInitImage(
  store: ObjectStore,
  frame: Pick<FrameWork, "jobId" | "params">,
): Promise<Uint8Array | undefined> {
  const { init_image: image } = frame.params;
  if (image === undefined) return undefined;
  const key = inputKey(frame.jobId);
  const stored = await store.get(key);
  if (stored?.sha256 !== image.sha256) {
    const found = stored === undefined ? "absent" : "another image";
    throw new FarmError("store_unavailable", `Cannot read the image to start from: ${key} is ${found}`);
  }
  const { rgb } = await decodeRgb(stored.bytes);
  return rgb;
}
