import { isJobId, type JobId, type OutputFormat } from "@latentfarm/contract";

/** Characters of a key: S3 allows 1024 bytes, a path on disk 4096, and our own keys take 60. */
const KEY_CHARS_MAX = 512;
/** Characters of a segment: a file name on every file system. */
const SEGMENT_CHARS_MAX = 128;
/** No leading dot: neither `..` nor the store's own folders can be named. */
const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;

/** The file name ending of each picture format. */
const EXTENSIONS = { png: "png", jpeg: "jpg", webp: "webp" } as const satisfies Record<OutputFormat, string>;

/** The folder that every job has a folder in. */
export const JOBS_FOLDER = "jobs";

/** The folder of everything of one job. */
export function jobFolder(jobId: JobId): string {
  return `${JOBS_FOLDER}/${jobId}`;
}

/** The key of a frame's picture: fixed per frame, so that a later attempt finds an earlier one's result. */
export function frameKey(jobId: JobId, index: number, format: OutputFormat): string {
  return `jobs/${jobId}/${index}.${EXTENSIONS[format]}`;
}

/** The key of the image that a job's pictures start from, as PNG. */
export function inputKey(jobId: JobId): string {
  return `jobs/${jobId}/input.png`;
}

/** The key of a half-done frame's snapshot, when it is too large for Redis; gone when the job has ended. */
export function snapshotKey(jobId: JobId, index: number): string {
  return `jobs/${jobId}/${index}.snapshot`;
}

/** The key of a job's sidecar, which tells the job's history when Redis has forgotten it. */
export function jobKey(jobId: JobId): string {
  return `jobs/${jobId}/job.json`;
}

/** The job that a key of a job's folder belongs to; undefined for any other key. */
export function jobIdOf(key: string): JobId | undefined {
  const [folder, id = ""] = key.split("/");
  return folder === JOBS_FOLDER && isJobId(id) ? id : undefined;
}

/**
 * Asserts that a key is made of plain segments, so that it stays inside the store on every backend.
 * @throws {RangeError} it is not.
 */
export function assertKey(key: string): void {
  const segments = key.split("/");
  const plain = segments.every((segment) => segment.length <= SEGMENT_CHARS_MAX && SEGMENT.test(segment));
  if (key.length > KEY_CHARS_MAX || !plain) {
    throw new RangeError(
      `Cannot use the key as it is malformed: key is ${JSON.stringify(key.slice(0, KEY_CHARS_MAX))}`,
    );
  }
}
