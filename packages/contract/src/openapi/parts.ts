import { LIMITS } from "../limits.js";
import { PROBLEM_CONTENT_TYPE } from "../problem.js";

/** A part of the document. */
export type Json = Readonly<Record<string, unknown>>;

const JSON_TYPE = "application/json";
/** The headers that name a request, which every answer carries: the trace where traces are on. */
const REQUEST_ID = {
  "X-Request-Id": { $ref: "#/components/headers/RequestId" },
  traceresponse: { $ref: "#/components/headers/TraceResponse" },
};
const RETRY_AFTER = { "Retry-After": { $ref: "#/components/headers/RetryAfter" } };

/** A pointer to one of the document's schemas. */
export function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

/** An answer in JSON. */
export function answer(description: string, schema: string, headers: Json = {}): Json {
  return {
    description,
    headers: { ...REQUEST_ID, ...headers },
    content: { [JSON_TYPE]: { schema: ref(schema) } },
  };
}

/** An answer without JSON. */
export function plainAnswer(description: string, content?: Json, headers: Json = {}): Json {
  return { description, headers: { ...REQUEST_ID, ...headers }, ...(content && { content }) };
}

/** A refusal or failure. */
export function problem(description: string, headers: Json = {}): Json {
  return {
    description,
    headers: { ...REQUEST_ID, ...headers },
    content: { [PROBLEM_CONTENT_TYPE]: { schema: ref("Problem") } },
  };
}

/** A pointer to one of the document's shared answers. */
const shared = (name: string): Json => ({ $ref: `#/components/responses/${name}` });

/** The answers that many calls share, once in the document. */
export const SHARED_RESPONSES: Json = {
  Unauthorized: problem("No key, or one that does not exist or was revoked", {
    "WWW-Authenticate": { $ref: "#/components/headers/Authenticate" },
  }),
  Forbidden: problem(
    "The key lacks the scope. While the farm has no keys: the call comes from another site's page or by another name",
  ),
  NotFound: problem("No such thing, or it is another tenant's"),
  TooMany: problem("The key's rate, or the tenant's quota, which `errors` names", RETRY_AFTER),
  Refused: problem("Fields are wrong; `errors` lists all of them"),
  NotJson: problem("The body is not JSON"),
  TooLarge: problem(
    `The body is over ${LIMITS.body_bytes_max} bytes, or with an image over ${LIMITS.image_body_bytes_max}`,
  ),
  WrongType: problem("The body is not declared as application/json in UTF-8, or is compressed"),
  Internal: problem("The farm's own fault; its log has it under `request_id`"),
  Unavailable: problem("The queue or the store is away, or the farm is full", RETRY_AFTER),
};

/** A header that never lacks where it is named. */
function always(description: string, schema: Json): Json {
  return { description, required: true, schema };
}

/** The headers that many answers share. */
export const SHARED_HEADERS: Json = {
  RequestId: always("The request's name, in the log too", { type: "string" }),
  TraceResponse: {
    description:
      "The request's place in its trace, the client's if it sent `traceparent`; where traces are on",
    schema: { type: "string", pattern: "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$" },
  },
  RetryAfter: always("Seconds to wait", { type: "integer", minimum: 1 }),
  Authenticate: always("How to show a key", { type: "string", const: "Bearer" }),
  Location: always("The job's path", { type: "string", pattern: "^/v1/jobs/" }),
};

/** A job's path in an answer's headers. */
export const LOCATION: Json = { Location: { $ref: "#/components/headers/Location" } };

/** What a call of a path answers; what every call behind a key can answer comes with it. */
export interface Operation {
  readonly summary: string;
  readonly operationId: string;
  readonly tags: readonly string[];
  /** The scope that a key must have, or `open`. */
  readonly scope: "open" | "read" | "submit" | "admin";
  readonly parameters?: readonly Json[];
  /** The schema of the JSON body. */
  readonly body?: string;
  /** Whether the body may be left out. */
  readonly isBodyOptional?: boolean;
  readonly responses: Json;
}

/** An operation of the document. */
export function operation(of: Operation): Json {
  const { scope, body, isBodyOptional = false, responses, ...rest } = of;
  const guarded = scope !== "open";
  const content = body !== undefined && { [JSON_TYPE]: { schema: ref(body) } };
  return {
    ...rest,
    ...(guarded ? { security: [{ key: [] }, {}], "x-scope": scope } : { security: [] }),
    ...(content && { requestBody: { required: !isBodyOptional, content } }),
    responses: {
      ...responses,
      ...(content && BODY_REFUSALS),
      ...(guarded && { "401": shared("Unauthorized"), "403": shared("Forbidden"), "429": shared("TooMany") }),
      "422": shared("Refused"),
      "500": shared("Internal"),
      "503": shared("Unavailable"),
    },
  };
}

const BODY_REFUSALS: Json = {
  "400": shared("NotJson"),
  "413": shared("TooLarge"),
  "415": shared("WrongType"),
};

/** What a call answers whose path names something. */
export const NOT_FOUND: Json = { "404": shared("NotFound") };

/** A parameter in the path. */
export function pathParameter(name: string, schema: Json = { type: "string" }): Json {
  return { name, in: "path", required: true, schema };
}

/** A parameter in the query. */
export function queryParameter(name: string, description: string, schema: Json): Json {
  return { name, in: "query", description, schema };
}

/** A header of a request. */
export function header(name: string, description: string, schema: Json): Json {
  return { name, in: "header", description, schema };
}

/** The parameters of a page of a list. */
export const PAGE: readonly Json[] = [
  queryParameter("limit", "Entries of the page", {
    type: "integer",
    minimum: LIMITS.page_min,
    maximum: LIMITS.page_max,
    default: LIMITS.page_default,
  }),
  queryParameter("cursor", "`next_cursor` of the page before", { type: "string" }),
];
