import { S3Client } from "@aws-sdk/client-s3";
import type { S3Limits, S3Settings } from "./s3-settings.js";

/** Sockets to one host: a worker uploads as many pictures at once as it has frames in flight, up to 256. */
const SOCKETS_MAX = 256;

/** What servers but AWS call their region unless they are told. */
const REGION_OF_SERVERS = "us-east-1";

/**
 * The SDK's client of a bucket: standard retries (full jitter, a budget of retries per process) within the limits.
 * Answers are not checked by the SDK: the store compares SHA-256, which is stronger, and some servers send none.
 */
export function createS3Client(
  settings: Pick<S3Settings, "region" | "endpoint" | "pathStyle" | "checksums">,
  limits: Pick<S3Limits, "attemptsMax" | "connectMs" | "answerMs" | "idleMs">,
): S3Client {
  const agent = { keepAlive: true, maxSockets: SOCKETS_MAX };
  const region = settings.region ?? (settings.endpoint === undefined ? undefined : REGION_OF_SERVERS);
  return new S3Client({
    ...(region !== undefined && { region }),
    ...(settings.endpoint !== undefined && { endpoint: settings.endpoint }),
    forcePathStyle: settings.pathStyle,
    maxAttempts: limits.attemptsMax,
    retryMode: "standard",
    requestChecksumCalculation: settings.checksums === "crc32" ? "WHEN_SUPPORTED" : "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    followRegionRedirects: false,
    requestHandler: {
      connectionTimeout: limits.connectMs,
      requestTimeout: limits.answerMs,
      throwOnRequestTimeout: true,
      socketTimeout: limits.idleMs,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
}
