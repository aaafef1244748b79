import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { InspectOptions, PictureFacts } from "@latentfarm/image";
import { usageError } from "../failure.js";

/**
 * Reads what a picture file tells of how it was drawn.
 * @throws {FarmError} invalid_request it is no readable file, or too large; file_invalid it is no picture
 */
export async function readPicture(
  cwd: string,
  file: string,
  options: InspectOptions = {},
): Promise<PictureFacts> {
  // sharp is loaded only here: it would add a tenth of a second to every call.
  const { INSPECT_BYTES_MAX, inspectPicture } = await import("@latentfarm/image");
  const path = resolve(cwd, file);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw usageError(`Cannot read ${file} as a picture: it is no file`);
  if (found.size > INSPECT_BYTES_MAX) {
    throw usageError(
      `Cannot read ${file} as a picture: bytes is ${found.size}, at most ${INSPECT_BYTES_MAX}`,
    );
  }
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw usageError(`Cannot read ${file} as a picture: ${cause.code ?? cause.message}`);
  });
  return await inspectPicture(bytes, options);
}
