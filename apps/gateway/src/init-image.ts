import { createHash } from "node:crypto";
import { type InitImage, type JobId, type JobParams, STRENGTH_DEFAULT } from "@latentfarm/contract";
import { decodeImageText, normalizeInitImage } from "@latentfarm/image";
import type { NewJob } from "@latentfarm/queue";
import { inputKey, type ObjectStore } from "@latentfarm/storage";
import type { GatewayContext } from "./context.js";

/** An image as a submit body holds it, with the job that it is for. */
export interface SubmittedImage {
  readonly params: Pick<JobParams, "width" | "height">;
  /** Base64 or a data URI. */
  readonly image: string;
  readonly strength: number | undefined;
}

/** An image at a job's size. */
export interface CutImage {
  readonly png: Uint8Array;
  readonly initImage: InitImage;
}

/**
 * Cuts a client's image to the job's size.
 * @throws {FarmError} invalid_request, naming `image`
 */
export async function cutInitImage(submitted: SubmittedImage): Promise<CutImage> {
  const { params, image, strength = STRENGTH_DEFAULT } = submitted;
  const { width, height } = params;
  const png = await normalizeInitImage(decodeImageText(image), { width, height });
  return { png, initImage: { sha256: createHash("sha256").update(png).digest("hex"), strength } };
}

/**
 * Puts a job's image into the object store: Redis never holds pixels.
 * @throws {FarmError} store_unavailable
 */
export async function storeInitImage(
  store: ObjectStore,
  job: { readonly id: JobId; readonly tenant: string },
  png: Uint8Array,
): Promise<void> {
  const tags = { tenant: job.tenant };
  await store.put(inputKey(job.id), png, { contentType: "image/png", metadata: {}, tags });
}

/** Deletes the image of a job that was not taken in; one that stays costs room alone, so the submit's answer stands. */
export async function dropInitImage(
  { store, log }: Pick<GatewayContext, "store" | "log">,
  { id, params }: NewJob,
): Promise<void> {
  if (!params.init_image) return;
  try {
    await store.delete(inputKey(id));
  } catch (error) {
    log.warn({ jobId: id, err: error }, "image of a refused job not deleted");
  }
}
