import { Readable } from "node:stream";
import { GetObjectCommand, HeadObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { FarmError } from "@latentfarm/contract";
import { createS3Client } from "../s3/s3-client.js";
import { isS3Absent, type S3Names, s3Status, toS3StartError } from "../s3/s3-error.js";
import { S3_LIMITS, type S3Limits } from "../s3/s3-settings.js";

/** Where models come from: a prefix of a bucket, and the server. */
export interface ModelSourceSettings {
  readonly bucket: string;
  /** Stands before each file's path: empty, or ends with a slash. */
  readonly prefix: string;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly pathStyle: boolean;
}

/** A file at the source, as it was when it was looked at. */
export interface SourceFile {
  readonly size: number;
  /** Names these very bytes; another one is another file. An ETag, or the time of the last change where a server has none. */
  readonly version: string;
}

/** A piece of a file: bytes `begin` to `end`, the latter left out. */
export interface SourceRange {
  readonly path: string;
  readonly file: SourceFile;
  readonly begin: number;
  readonly end: number;
}

/** The files of one model at the place that they are pulled from. */
export interface ModelSource {
  /** `s3://bucket/prefix`, for messages and for the mark of the model that is pulled from it. */
  readonly url: string;
  /** A whole small file; undefined when it is absent. @throws {FarmError} store_unavailable, file_invalid too large */
  readSmall(path: string, bytesMax: number, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** @throws {FarmError} file_invalid it is absent; store_unavailable */
  look(path: string, signal: AbortSignal): Promise<SourceFile>;
  /**
   * The bytes of a piece, of these very bytes.
   * @throws {FarmError} file_invalid the file has changed; store_unavailable
   */
  read(range: SourceRange, signal: AbortSignal): Promise<Readable>;
}

const HTTP_PRECONDITION_FAILED = 412;
const HTTP_RANGE_NOT_SATISFIABLE = 416;

const NAMES: S3Names = {
  bucket: "the URL",
  region: "FARM_MODELS_S3_REGION",
  endpoint: "FARM_MODELS_S3_ENDPOINT",
};

/** A bucket's name, and plain characters of keys. */
const URL_FORM = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9_][A-Za-z0-9_.,+@=/-]*)?)?$/;

/** The bucket and prefix of a URL such as `s3://bucket/models/sd35`. @throws {FarmError} config_invalid */
export function parseModelUrl(url: string): Pick<ModelSourceSettings, "bucket" | "prefix"> {
  const [, bucket, path = ""] = URL_FORM.exec(url) ?? [];
  const parts = path.split("/").filter((part) => part !== "");
  if (bucket === undefined || parts.some((part) => part === "." || part === "..")) {
    throw new FarmError(
      "config_invalid",
      "Cannot pull a model as its place is none: URL must be s3://BUCKET/PREFIX",
    );
  }
  return { bucket, prefix: parts.map((part) => `${part}/`).join("") };
}

/** Opens a source in a bucket; nothing is asked of it yet. Only the right to read objects is needed, none to list. */
export function openModelSource(settings: ModelSourceSettings, changes: Partial<S3Limits> = {}): ModelSource {
  const limits = { ...S3_LIMITS, ...changes };
  const client = createS3Client({ ...settings, checksums: "required" }, limits);
  const place: Place = { client, settings, callMs: limits.callMs };
  return {
    url: `s3://${settings.bucket}/${settings.prefix}`.replace(/\/$/, ""),
    readSmall: (path, bytesMax, signal) => readSmall(withSignal(place, signal), path, bytesMax),
    look: (path, signal) => look(withSignal(place, signal), path),
    read: (range, signal) => readRange(place, range, signal),
  };
}

interface Place {
  readonly client: S3Client;
  readonly settings: ModelSourceSettings;
  readonly callMs: number;
}

/** A place whose calls end with a signal too. */
type EndingPlace = Place & { readonly signal: AbortSignal };

function withSignal(place: Place, signal: AbortSignal): EndingPlace {
  return { ...place, signal };
}

function objectOf({ settings }: Place, path: string): { readonly Bucket: string; readonly Key: string } {
  return { Bucket: settings.bucket, Key: `${settings.prefix}${path}` };
}

async function readSmall(
  place: EndingPlace,
  path: string,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  const abortSignal = AbortSignal.any([place.signal, AbortSignal.timeout(place.callMs)]);
  try {
    const object = await place.client.send(new GetObjectCommand(objectOf(place, path)), { abortSignal });
    if ((object.ContentLength ?? 0) > bytesMax) {
      await object.Body?.transformToWebStream().cancel();
      throw new FarmError(
        "file_invalid",
        `Cannot read ${path} as ${bytesMax} bytes: size is ${object.ContentLength}`,
      );
    }
    return (await object.Body?.transformToByteArray()) ?? new Uint8Array();
  } catch (error) {
    place.signal.throwIfAborted();
    if (isS3Absent(error)) return undefined;
    throw toS3StartError({ action: "read", key: path, names: NAMES }, error);
  }
}

async function look(place: EndingPlace, path: string): Promise<SourceFile> {
  const abortSignal = AbortSignal.any([place.signal, AbortSignal.timeout(place.callMs)]);
  try {
    const found = await place.client.send(new HeadObjectCommand(objectOf(place, path)), { abortSignal });
    const version = versionOf(found);
    if (found.ContentLength !== undefined && version !== undefined)
      return { size: found.ContentLength, version };
  } catch (error) {
    place.signal.throwIfAborted();
    if (!isS3Absent(error)) throw toS3StartError({ action: "read", key: path, names: NAMES }, error);
    throw new FarmError(
      "file_invalid",
      `Cannot pull the model as a file of its checksums is absent: path is ${path}`,
    );
  }
  throw new FarmError("store_unavailable", `Cannot read ${path} as its answer tells no size and no version`);
}

/** Servers that show a file system's own files know no ETag of them. */
function versionOf(answer: {
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
}): string | undefined {
  return answer.ETag || answer.LastModified?.toISOString();
}

/**
 * A time is no condition but only compared: HTTP has whole seconds, and a server that compares its own finer times calls
 * every file changed. An ETag stands in quotation marks.
 */
function conditionOf(version: string): { readonly IfMatch?: string } {
  return version.endsWith('"') ? { IfMatch: version } : {};
}

async function readRange(place: Place, range: SourceRange, signal: AbortSignal): Promise<Readable> {
  const { path, file, begin, end } = range;
  const command = new GetObjectCommand({
    ...objectOf(place, path),
    Range: `bytes=${begin}-${end - 1}`,
    ...conditionOf(file.version),
  });
  const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(place.callMs)]);
  try {
    const answer = await place.client.send(command, { abortSignal });
    const body = answer.Body;
    if (!(body instanceof Readable)) throw new TypeError("the SDK's body is no stream of Node's");
    // Some servers ignore conditions, and some ranges.
    const said = `bytes ${begin}-${end - 1}/${file.size}`;
    if (versionOf(answer) === file.version && answer.ContentRange === said) return body;
    body.destroy();
  } catch (error) {
    signal.throwIfAborted();
    const status = s3Status(error);
    const isOther = status === HTTP_PRECONDITION_FAILED || status === HTTP_RANGE_NOT_SATISFIABLE;
    if (!isOther && !isS3Absent(error))
      throw toS3StartError({ action: "read", key: path, names: NAMES }, error);
  }
  throw new FarmError(
    "file_invalid",
    `Cannot go on with the model as a file changed while it was pulled: path is ${path}`,
    { details: { path, changed: true } },
  );
}
