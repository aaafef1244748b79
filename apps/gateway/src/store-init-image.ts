import { createHash } from "node:crypto";
import { type InitImage, type JobId, type JobParams, STRENGTH_DEFAULT } from "@latentfarm/contract";
import { decodeImageText, normalizeInitImage } from "@latentfarm/image";
import { inputKey, type ObjectStore } from "@latentfarm/storage";

/** An image as a submit body holds it, with the job that it is for. */
export interface SubmittedImage {
  readonly jobId: JobId;
  readonly params: Pick<JobParams, "width" | "height">;
  /** Base64 or a data URI. */
  readonly image: string;
  readonly strength: number | undefined;
}

/**
 * Cuts a client's image to the job's size and puts it into the object store: Redis never holds pixels.
 * @throws {FarmError} invalid_request, naming `image`; store_unavailable
 */
export async function storeInitImage(store: ObjectStore, submitted: SubmittedImage): Promise<InitImage> {
  const { jobId, params, image, strength = STRENGTH_DEFAULT } = submitted;
  const { width, height } = params;
  const png = await normalizeInitImage(decodeImageText(image), { width, height });
  await store.put(inputKey(jobId), png, { contentType: "image/png", metadata: {} });
  return { sha256: createHash("sha256").update(png).digest("hex"), strength };
}
