import type { OutputFormat } from "@latentfarm/contract";
import sharp from "sharp";
import { openSigner, refused } from "./open-signer.js";
import { readCredentials } from "./read-credentials.js";
import { signPicture } from "./sign-picture.js";

/** Signs pictures in one name. */
export interface PictureSigner {
  /** Milliseconds since 1970 at which the certificate ends; what is signed later is not believed. */
  readonly notAfterMs: number;
  /** The picture with Content Credentials in it. */
  sign(picture: Uint8Array, format: OutputFormat): Promise<Uint8Array>;
}

/**
 * Makes a signer of a chain of certificates and a key, PEM both. It signs a picture of its own first and reads that, so
 * that a certificate which verifiers refuse is told at the start and not by its customers.
 * @throws {FarmError} config_invalid
 */
export async function createPictureSigner(
  pem: { readonly certificates: string; readonly privateKey: string },
  nowMs: number,
): Promise<PictureSigner> {
  const signer = openSigner(pem, nowMs);
  const dot = { width: 1, height: 1, channels: 3, background: "black" } as const;
  const picture = await sharp({ create: dot }).png().toBuffer();
  const found = await readCredentials(await signPicture(picture, "png", signer), "png", undefined);
  if (found?.state !== "valid") {
    throw refused(`a reader of Content Credentials refuses it: ${found?.problems.join(", ")}`);
  }
  return {
    notAfterMs: signer.notAfterMs,
    sign: (bytes, format) => signPicture(bytes, format, signer),
  };
}
