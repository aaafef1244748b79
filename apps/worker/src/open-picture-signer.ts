import { readFile } from "node:fs/promises";
import { FarmError } from "@latentfarm/contract";
import { createPictureSigner, type PictureSigner } from "@latentfarm/image";
import type { SigningFiles } from "./config/env.js";

/**
 * Makes what signs pictures, of the files that the environment names; undefined when it names none.
 * @throws {FarmError} config_invalid a file cannot be read, or what is in it cannot sign
 */
export async function openPictureSigner(
  files: SigningFiles | undefined,
  nowMs: number,
): Promise<PictureSigner | undefined> {
  if (files === undefined) return undefined;
  const [certificates, privateKey] = await Promise.all([
    readPem("FARM_C2PA_CERT", files.certificates),
    readPem("FARM_C2PA_KEY", files.privateKey),
  ]);
  return createPictureSigner({ certificates, privateKey }, nowMs);
}

function readPem(name: string, file: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new FarmError(
      "config_invalid",
      `Cannot read the file of ${name} as PEM: ${cause.code ?? cause.message}`,
    );
  });
}
