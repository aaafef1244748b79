import { z } from "zod";
import { wireEventSchema } from "./events.js";
import { frameSchema, jobSchema } from "./job.js";
import { LIMITS } from "./limits.js";
import { modelListSchema, workerListSchema } from "./model.js";
import { CONTENT_TYPES } from "./params.js";
import { PROBLEM_CONTENT_TYPE, problemSchema } from "./problem.js";
import { submitRequestSchema } from "./submit.js";

type Json = Readonly<Record<string, unknown>>;

const JSON_TYPE = "application/json";
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const answer = (description: string, schema: string): Json => ({
  description,
  content: { [JSON_TYPE]: { schema: ref(schema) } },
});
const problem = (description: string): Json => ({
  description,
  content: { [PROBLEM_CONTENT_TYPE]: { schema: ref("Problem") } },
});

const NOT_FOUND = problem("No such job");
const UNAVAILABLE = problem("The queue or the store is away; `Retry-After` says when to ask again");
const REFUSED = problem("Fields are wrong; `errors` lists all of them");

const jobId: Json = { name: "id", in: "path", required: true, schema: { type: "string" } };
const header = (name: string, description: string, schema: Json): Json => ({
  name,
  in: "header",
  description,
  schema,
});

/**
 * The OpenAPI 3.1 document of the gateway; its schemas are made from the ones that check requests.
 * Source: spec.openapis.org/oas/v3.1.1.
 */
export function createOpenApi(version: string): Json {
  return {
    openapi: "3.1.1",
    info: { title: "Latentfarm", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    paths: { ...jobPaths(), ...resultPaths(), ...operationPaths() },
    components: { schemas: componentSchemas() },
  };
}

function jobPaths(): Json {
  const body = { required: true, content: { [JSON_TYPE]: { schema: ref("SubmitRequest") } } };
  const wait = `wait=${LIMITS.wait_seconds_min}..${LIMITS.wait_seconds_max}: holds the answer until the job ends or the seconds have passed`;
  const keySchema = { type: "string", minLength: 1, maxLength: LIMITS.idempotency_key_chars_max };
  const submit = {
    summary: "Submit a job",
    operationId: "submitJob",
    parameters: [
      header("Idempotency-Key", "The same key and body give the first job again", keySchema),
      header("Prefer", wait, { type: "string" }),
    ],
    requestBody: body,
    responses: {
      "200": answer("The job has ended within the wait", "Job"),
      "202": answer("The job is taken in", "Job"),
      "400": problem("The body is not JSON"),
      "409": problem("The idempotency key came with another body before"),
      "413": problem(
        `The body is over ${LIMITS.body_bytes_max} bytes, or with an image over ${LIMITS.image_body_bytes_max}`,
      ),
      "415": problem("The body is not declared as application/json in UTF-8"),
      "422": REFUSED,
      "503": UNAVAILABLE,
    },
  };
  const read = { "200": answer("The job", "Job"), "404": NOT_FOUND, "503": UNAVAILABLE };
  return {
    "/v1/jobs": { post: submit },
    "/v1/jobs/{id}": {
      get: { summary: "The job", operationId: "getJob", parameters: [jobId], responses: read },
    },
    "/v1/jobs/{id}/cancel": {
      post: {
        summary: "Cancel what is not yet done; idempotent",
        operationId: "cancelJob",
        parameters: [jobId],
        responses: read,
      },
    },
  };
}

function resultPaths(): Json {
  const last = header("Last-Event-ID", "Events after this one only", { type: "string", pattern: "^[0-9]+$" });
  const index: Json = { name: "index", in: "path", required: true, schema: { type: "integer", minimum: 0 } };
  const picture = { schema: { type: "string", format: "binary" } };
  const pictures = Object.fromEntries(Object.values(CONTENT_TYPES).map((type) => [type, picture]));
  const events = {
    summary: "The job's event log, then live, as server-sent events; ends with the job. `data` is an Event",
    operationId: "streamEvents",
    parameters: [jobId, last],
    responses: {
      "200": { description: "Events", content: { "text/event-stream": { schema: ref("Event") } } },
      "204": { description: "The job has ended and there is nothing after Last-Event-ID" },
      "404": NOT_FOUND,
      "503": UNAVAILABLE,
    },
  };
  const frame = {
    summary: "The picture of one frame",
    operationId: "getFrame",
    parameters: [jobId, index],
    responses: {
      "200": { description: "The picture; ETag is its SHA-256", content: pictures },
      "304": { description: "The picture has the SHA-256 of If-None-Match" },
      "404": problem("No such job, frame or picture"),
      "409": problem("The frame has not succeeded (yet)"),
      "503": UNAVAILABLE,
    },
  };
  return { "/v1/jobs/{id}/events": { get: events }, "/v1/jobs/{id}/frames/{index}": { get: frame } };
}

function operationPaths(): Json {
  const plain = (summary: string, operationId: string, responses: Json): Json => ({
    get: { summary, operationId, responses },
  });
  const ok = { description: "Yes" };
  return {
    "/v1/models": plain("What live workers serve, and what was served lately", "listModels", {
      "200": answer("Models", "ModelList"),
      "503": UNAVAILABLE,
    }),
    "/v1/workers": plain("Who is alive", "listWorkers", {
      "200": answer("Workers", "WorkerList"),
      "503": UNAVAILABLE,
    }),
    "/healthz": plain("Whether the process lives", "health", { "200": ok }),
    "/readyz": plain("Whether it takes requests", "ready", { "200": ok, "503": UNAVAILABLE }),
    "/openapi.json": plain("This document", "openapi", { "200": { description: "OpenAPI 3.1" } }),
  };
}

function componentSchemas(): Json {
  const input = { SubmitRequest: schemaOf(submitRequestSchema, "input") };
  const lists = { ModelList: modelListSchema, WorkerList: workerListSchema };
  const output = { Job: jobSchema, Frame: frameSchema, Event: wireEventSchema, ...lists };
  const outputs = Object.entries({ ...output, Problem: problemSchema });
  return {
    ...input,
    ...Object.fromEntries(outputs.map(([name, schema]) => [name, schemaOf(schema, "output")])),
  };
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _dialect, ...body } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    // Fields of answers may be added later, so a client must not refuse those that it does not know.
    override: ({ jsonSchema }) => {
      if (io === "output" && jsonSchema.additionalProperties === false)
        delete jsonSchema.additionalProperties;
    },
  });
  return body;
}
