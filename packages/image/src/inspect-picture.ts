import {
  FarmError,
  type OutputFormat,
  type PictureRecord,
  pictureRecordSchema,
  type SoundPart,
} from "@latentfarm/contract";
import sharp, { type Metadata } from "sharp";
import { readGraph } from "./comfy/read-graph.js";
import { type Credentials, readCredentials } from "./credentials/read-credentials.js";
import { readExif } from "./metadata/read-exif.js";
import { readPngTexts, TEXT_BYTES_MAX } from "./metadata/read-png-text.js";
import { recordJsonOf } from "./metadata/xmp.js";
import { PNG_XMP_KEYWORD } from "./png-text.js";
import { readParametersText } from "./read-parameters-text.js";
import { sniffFormat } from "./sniff-format.js";

/** Bytes of a picture that is looked at: the largest one we draw has some 20 MB as PNG. */
export const INSPECT_BYTES_MAX = 134_217_728;

/** Whose text a picture carries; the first of several that is whole counts. */
export type PictureSource = "latentfarm" | "comfyui" | "automatic1111" | "none";

/** What a picture tells. */
export interface PictureFacts {
  readonly format: OutputFormat;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  readonly source: PictureSource;
  /** Ours alone: all of it. */
  readonly record?: PictureRecord;
  /** What can be submitted to draw the picture again; of other programs' pictures as much as is understood. */
  readonly fields: SoundPart;
  /** What the text says and `fields` does not. */
  readonly missed: readonly string[];
  /** The texts that are there, whole or not, by AUTOMATIC1111's and ComfyUI's names. */
  readonly texts: readonly string[];
  /** Its Content Credentials, verified; absent when there are none. */
  readonly credentials?: Credentials;
}

/** How a picture is looked at. */
export interface InspectOptions {
  /** PEM certificates of those whose word on a signer counts. */
  readonly authorities?: string | undefined;
}

interface Texts {
  readonly parameters?: string | undefined;
  readonly prompt?: string | undefined;
  readonly workflow?: string | undefined;
  readonly xmp?: string | undefined;
}

/**
 * Reads what a picture tells of how it was drawn: our record, the graph that ComfyUI has run, AUTOMATIC1111's text, the
 * first of these that is there and whole. Pixels are never decoded. The file may be hostile: each text and count has a
 * limit, and what is wrong counts as absent.
 * @throws {FarmError} file_invalid it is no PNG, JPEG or WebP, its header is damaged, or it has more than
 * `INSPECT_BYTES_MAX` bytes
 */
export async function inspectPicture(
  bytes: Uint8Array,
  { authorities }: InspectOptions = {},
): Promise<PictureFacts> {
  if (bytes.length > INSPECT_BYTES_MAX) {
    throw refused(`it has ${bytes.length} bytes, at most ${INSPECT_BYTES_MAX}`);
  }
  const format = sniffFormat(bytes);
  if (format === undefined) throw refused("it is no PNG, JPEG or WebP");
  const metadata = await readMetadata(bytes);
  const texts = format === "png" ? pngTexts(bytes) : exifTexts(metadata);
  const { width, height } = metadata;
  const present = Object.entries(texts).flatMap(([name, text]) => (text === undefined ? [] : [name]));
  const credentials = await readCredentials(bytes, format, authorities);
  const size = { format, width, height, bytes: bytes.length };
  return { ...size, ...readTexts(texts), texts: present, ...(credentials && { credentials }) };
}

function readTexts(texts: Texts): Pick<PictureFacts, "source" | "record" | "fields" | "missed"> {
  const record = texts.xmp === undefined ? undefined : parseRecord(texts.xmp);
  if (record !== undefined) return { source: "latentfarm", record, fields: fieldsOf(record), missed: [] };
  const graph = texts.prompt === undefined ? undefined : readGraph(texts.prompt);
  if (graph !== undefined) return { source: "comfyui", ...graph };
  if (texts.parameters === undefined) return { source: "none", fields: {}, missed: [] };
  return { source: "automatic1111", ...readParametersText(texts.parameters) };
}

/** What to submit for a picture of ours; its image to start from is not in it. */
function fieldsOf({ params }: PictureRecord): SoundPart {
  const { init_image: image, ...fields } = params;
  return { ...fields, ...(image && { strength: image.strength }) };
}

function parseRecord(xmp: string): PictureRecord | undefined {
  try {
    return pictureRecordSchema.parse(JSON.parse(recordJsonOf(xmp) ?? ""));
  } catch {
    return undefined;
  }
}

async function readMetadata(bytes: Uint8Array): Promise<Metadata> {
  try {
    // The header alone is read, whatever size it names.
    return await sharp(bytes, { limitInputPixels: false, pages: 1 }).metadata();
  } catch (cause) {
    throw refused("its header is damaged", cause);
  }
}

function pngTexts(bytes: Uint8Array): Texts {
  // Of two texts of one name the first counts, as for ComfyUI's own reader.
  const texts = new Map([...readPngTexts(bytes)].reverse());
  return {
    parameters: texts.get("parameters"),
    prompt: texts.get("prompt"),
    workflow: texts.get("workflow"),
    xmp: texts.get(PNG_XMP_KEYWORD),
  };
}

function exifTexts({ exif, xmp }: Metadata): Texts {
  const { userComment, make, model } = exif === undefined ? {} : readExif(exif);
  const camera = [make, model];
  return {
    parameters: userComment,
    prompt: afterName(camera, "prompt:"),
    workflow: afterName(camera, "workflow:"),
    xmp: xmp === undefined || xmp.length > TEXT_BYTES_MAX ? undefined : new TextDecoder().decode(xmp),
  };
}

function afterName(texts: readonly (string | undefined)[], name: string): string | undefined {
  return texts.find((text) => text?.startsWith(name))?.slice(name.length);
}

function refused(reason: string, cause?: unknown): FarmError {
  return new FarmError("file_invalid", `Cannot inspect the file as a picture: ${reason}`, { cause });
}
