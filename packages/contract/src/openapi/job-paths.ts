import { LIMITS } from "../limits.js";
import { CONTENT_TYPES } from "../params.js";
import { STATUSES } from "../states.js";
import {
  answer,
  header,
  type Json,
  LOCATION,
  NOT_FOUND,
  operation,
  PAGE,
  pathParameter,
  plainAnswer,
  problem,
  queryParameter,
  ref,
} from "./parts.js";

const jobId = pathParameter("id");
const JOBS = { tags: ["Jobs"] };

/** The calls of jobs, their events and their pictures. */
export function jobPaths(): Json {
  return {
    "/v1/jobs": { post: submitJob(), get: listJobs() },
    "/v1/jobs/{id}": {
      get: operation({
        ...JOBS,
        summary: `The job, with its first ${LIMITS.job_frames_shown_max} frames`,
        operationId: "getJob",
        scope: "read",
        parameters: [jobId],
        responses: { "200": answer("The job", "Job"), ...NOT_FOUND },
      }),
    },
    "/v1/jobs/{id}/cancel": {
      post: operation({
        ...JOBS,
        summary: "Cancel what is not yet done; idempotent",
        operationId: "cancelJob",
        scope: "submit",
        parameters: [jobId],
        responses: { "200": answer("The job", "Job"), "413": tooLarge, ...NOT_FOUND },
      }),
    },
    "/v1/jobs/{id}/retry": { post: retryJob() },
    "/v1/jobs/{id}/events": { get: streamEvents() },
    "/v1/jobs/{id}/frames": { get: listFrames() },
    "/v1/jobs/{id}/frames/{index}": { get: readFrame() },
  };
}

const KEY_SCHEMA: Json = { type: "string", minLength: 1, maxLength: LIMITS.idempotency_key_chars_max };

const tooLarge: Json = { $ref: "#/components/responses/TooLarge" };

function submitJob(): Json {
  const wait = `wait=${LIMITS.wait_seconds_min}..${LIMITS.wait_seconds_max}: holds the answer until the job ends or the seconds have passed`;
  const location = { Location: { description: "The job's path", schema: { type: "string" } } };
  const applied = { description: "The wait that was applied", schema: { type: "string" } };
  const dryRun = "true: only what the job would cost and when it would be done";
  return operation({
    ...JOBS,
    summary: "Submit a job",
    operationId: "submitJob",
    scope: "submit",
    parameters: [
      queryParameter("dry_run", dryRun, { type: "boolean", default: false }),
      header("Idempotency-Key", "The same key and body give the first job again", KEY_SCHEMA),
      header("Prefer", wait, { type: "string" }),
    ],
    body: "SubmitRequest",
    responses: {
      "200": {
        ...answer("The job has ended within the wait; or what became of a dry run", "Job", {
          "Preference-Applied": applied,
          ...location,
        }),
        content: { "application/json": { schema: { oneOf: [ref("Job"), ref("DryRun")] } } },
      },
      "202": answer("The job is taken in", "Job", { "Preference-Applied": applied, ...LOCATION }),
      "409": problem("The idempotency key came with another body before"),
    },
  });
}

function listJobs(): Json {
  const status = queryParameter("status", "Jobs in this state only", { type: "string", enum: STATUSES });
  return operation({
    ...JOBS,
    summary: "A page of the tenant's jobs, newest first",
    operationId: "listJobs",
    scope: "read",
    parameters: [status, ...PAGE],
    responses: { "200": answer("The page", "JobList") },
  });
}

function listFrames(): Json {
  const limit = {
    type: "integer",
    minimum: LIMITS.page_min,
    maximum: LIMITS.frames_page_max,
    default: LIMITS.frames_page_default,
  };
  const cursor =
    "`next_cursor` of the page before or `frames_next_cursor` of the job, which is the index to begin with";
  return operation({
    ...JOBS,
    summary: "A page of the job's frames, by index",
    operationId: "listFrames",
    scope: "read",
    parameters: [
      jobId,
      queryParameter("status", "Frames in this state only", { type: "string", enum: STATUSES }),
      queryParameter("limit", "Frames of the page", limit),
      queryParameter("cursor", cursor, { type: "string", pattern: "^[0-9]{1,5}$" }),
    ],
    responses: { "200": answer("The page", "FrameList"), ...NOT_FOUND },
  });
}

function retryJob(): Json {
  return operation({
    ...JOBS,
    summary: "Queue the failed frames of a failed job again",
    operationId: "retryJob",
    scope: "submit",
    parameters: [
      jobId,
      header(
        "Idempotency-Key",
        "A call that repeats one of the last day is answered with the job as it is",
        KEY_SCHEMA,
      ),
    ],
    responses: {
      "202": answer("The job", "Job", LOCATION),
      "409": problem("No frame of it has failed, it has not ended, or the queue has forgotten it"),
      "413": tooLarge,
      ...NOT_FOUND,
    },
  });
}

function streamEvents(): Json {
  const last = header("Last-Event-ID", "Events after this one only", { type: "string", pattern: "^[0-9]+$" });
  return operation({
    ...JOBS,
    summary: "The job's event log, then live, as server-sent events; ends with the job. `data` is an Event",
    operationId: "streamEvents",
    scope: "read",
    parameters: [jobId, last],
    responses: {
      "200": plainAnswer("Events", { "text/event-stream": { schema: ref("Event") } }),
      "204": plainAnswer("The job has ended and there is nothing after Last-Event-ID"),
      ...NOT_FOUND,
    },
  });
}

/** The headers of an answer that names a picture in a bucket. */
const SIGNED_URL: Json = {
  Location: {
    description: "A signed URL of the picture, which needs no key: keep it secret",
    required: true,
    schema: { type: "string", format: "uri" },
  },
  Expires: { description: "When the URL ends, as an HTTP date", required: true, schema: { type: "string" } },
};

function readFrame(): Json {
  const index = pathParameter("index", { type: "integer", minimum: 0 });
  const picture = { schema: { type: "string", format: "binary" } };
  const pictures = Object.fromEntries(Object.values(CONTENT_TYPES).map((type) => [type, picture]));
  const known = header("If-None-Match", "The ETag of a picture that the client has", { type: "string" });
  const etag = { ETag: { description: "The picture's SHA-256", required: true, schema: { type: "string" } } };
  return operation({
    ...JOBS,
    summary: "The picture of one frame",
    operationId: "getFrame",
    scope: "read",
    parameters: [jobId, index, known],
    responses: {
      "200": plainAnswer("The picture", pictures, etag),
      "302": plainAnswer("The picture is in a bucket: where it is, for a while", undefined, SIGNED_URL),
      "304": plainAnswer("The picture has the SHA-256 of If-None-Match", undefined, etag),
      "404": problem("No such job, frame or picture"),
      "409": problem("The frame has not succeeded (yet)"),
    },
  });
}
