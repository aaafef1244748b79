import { FarmError } from "@latentfarm/contract";

/** What a person calls the settings of a bucket. */
export interface S3Names {
  readonly bucket: string;
  readonly region: string;
  readonly endpoint: string;
}

/** The settings of the store of pictures. */
const STORE_NAMES: S3Names = {
  bucket: "FARM_S3_BUCKET",
  region: "FARM_S3_REGION",
  endpoint: "FARM_S3_ENDPOINT",
};

/** What S3's error codes mean to whoever runs the farm, and whether only a person can mend it. */
interface Meaning {
  readonly reason: string | ((names: S3Names) => string);
  readonly isLasting: boolean;
}

const CREDENTIALS: Meaning = { reason: "the credentials are wrong or have expired", isLasting: true };
const REGION: Meaning = {
  reason: ({ region, endpoint }) => `${region} or ${endpoint} is not the bucket's`,
  isLasting: true,
};
const NO_REGION: Meaning = {
  reason: ({ region }) => `${region} and AWS_REGION are absent`,
  isLasting: true,
};
const BUCKET: Meaning = { reason: ({ bucket }) => `${bucket} names no bucket`, isLasting: true };
const DENIED: Meaning = {
  reason: ({ bucket }) => `the credentials may not do this in ${bucket}`,
  isLasting: true,
};

/** Source: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; names of the SDK's own beside them. */
const MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  ["NoSuchBucket", BUCKET],
  ["InvalidBucketName", BUCKET],
  ["AccessDenied", DENIED],
  ["AllAccessDisabled", DENIED],
  ["Forbidden", DENIED],
  ["InvalidAccessKeyId", CREDENTIALS],
  ["SignatureDoesNotMatch", CREDENTIALS],
  ["ExpiredToken", CREDENTIALS],
  ["InvalidToken", CREDENTIALS],
  [
    "CredentialsProviderError",
    { reason: "no credentials are found (AWS_ACCESS_KEY_ID, a profile or a role)", isLasting: true },
  ],
  // The machine's clock may be set right by itself, so that a farm waits for it.
  [
    "RequestTimeTooSkewed",
    { reason: "the clocks of this machine and of the store differ", isLasting: false },
  ],
  ["PermanentRedirect", REGION],
  ["AuthorizationHeaderMalformed", REGION],
  ["InvalidStorageClass", { reason: "FARM_S3_STORAGE_CLASS is not the store's", isLasting: true }],
  ["KMS.NotFoundException", { reason: "FARM_S3_KMS_KEY names no key", isLasting: true }],
  ["KMS.DisabledException", { reason: "FARM_S3_KMS_KEY names a disabled key", isLasting: true }],
  ["SlowDown", { reason: "it asks for fewer requests", isLasting: false }],
]);

const HTTP_FORBIDDEN = 403;
const HTTP_NOT_FOUND = 404;

/** A call of the store, as its failure names it. */
export interface S3Call {
  readonly action: string;
  readonly key: string;
  /** What the settings are called that led to the bucket; those of the store of pictures when absent. */
  readonly names?: S3Names;
}

/** S3's code of an error, or the network's, or the error's name. */
export function s3Code(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const named = error.name === "Error" && "code" in error ? error.code : error.name;
  return typeof named === "string" ? named : "unknown";
}

/** The HTTP status of an answer that the SDK made an error of; undefined when no answer came. */
export function s3Status(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("$metadata" in error)) return undefined;
  const { $metadata: metadata } = error;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return undefined;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}

/** True when the error means that there is no such object; a bucket that does not exist is something else. */
export function isS3Absent(error: unknown): boolean {
  return s3Status(error) === HTTP_NOT_FOUND && s3Code(error) !== "NoSuchBucket";
}

/**
 * The FarmError of a failed call. Only codes go into it: S3's own messages repeat access keys and signed requests.
 * A fault of the program (RangeError, TypeError) stays as it is.
 */
export function toS3StoreError({ action, key, names = STORE_NAMES }: S3Call, error: unknown): unknown {
  if (error instanceof FarmError || error instanceof RangeError || error instanceof TypeError) return error;
  const code = s3Code(error);
  const { reason: meant } = meaningOf(error);
  const reason = typeof meant === "string" ? meant : meant(names);
  return new FarmError("store_unavailable", `Cannot ${action} ${key} as ${reason}: code is ${code}`, {
    cause: error,
    details: { key, code },
  });
}

/** As toS3StoreError() for a process that starts: what only a person can mend is config_invalid. */
export function toS3StartError(call: S3Call, error: unknown): unknown {
  const translated = toS3StoreError(call, error);
  if (!(translated instanceof FarmError) || !meaningOf(error).isLasting) return translated;
  const { message, cause, details } = translated;
  return new FarmError("config_invalid", message, { cause, details });
}

function meaningOf(error: unknown): Meaning {
  // The SDK has no code for this one.
  if (error instanceof Error && error.message === "Region is missing") return NO_REGION;
  const known = MEANINGS.get(s3Code(error));
  if (known !== undefined) return known;
  // A HEAD has no body, so that its refusal has no code.
  if (s3Status(error) === HTTP_FORBIDDEN) return DENIED;
  return { reason: "the store fails", isLasting: false };
}
