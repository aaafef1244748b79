import type { RenderedFrame } from "@latentfarm/engine";
import { type EncodedImage, encodeImage } from "@latentfarm/image";
import type { FrameWork } from "@latentfarm/queue";
import type { WorkerContext } from "./context.js";
import { describePicture } from "./describe-picture.js";

/** What encoding needs. */
export type EncodeContext = Pick<WorkerContext, "engine" | "signer" | "log" | "nowMs">;

/** A drawn frame as a file, signed where the worker has a certificate; with the milliseconds that it took. */
export async function encodePicture(
  context: EncodeContext,
  frame: FrameWork,
  picture: RenderedFrame,
): Promise<EncodedImage & { readonly encodeMs: number }> {
  const begunMs = context.nowMs();
  const encoded = await encodeImage({
    rgb: picture.rgb,
    width: picture.width,
    height: picture.height,
    format: frame.params.output_format,
    quality: frame.params.output_quality,
    record: describePicture(context.engine.info, frame.params),
  });
  const signed = await signEncoded(context, frame, encoded);
  return { ...signed, encodeMs: context.nowMs() - begunMs };
}

/** A certificate that has ended since the worker began stops no frame: its signature would not be believed. */
async function signEncoded(
  { signer, log, nowMs }: EncodeContext,
  { jobId, index, params }: FrameWork,
  encoded: EncodedImage,
): Promise<EncodedImage> {
  if (signer === undefined) return encoded;
  if (nowMs() > signer.notAfterMs) {
    log.error({ jobId, index }, "picture is not signed, the certificate has ended");
    const note = "the picture carries no Content Credentials: the farm's certificate has ended";
    return { ...encoded, notes: [...encoded.notes, note] };
  }
  return { ...encoded, bytes: await signer.sign(encoded.bytes, params.output_format) };
}
