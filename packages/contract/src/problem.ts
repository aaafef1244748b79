import { z } from "zod";
import { FarmError } from "./errors.js";
import { errorCodeSchema } from "./job.js";
import type { FieldError } from "./validate.js";

/** The media type of an error body. Source: RFC 9457. */
export const PROBLEM_CONTENT_TYPE = "application/problem+json";

/** An error body. Source: RFC 9457; `code` and `errors` are this farm's extensions. */
export const problemSchema = z.object({
  type: z.literal("about:blank"),
  title: z.string(),
  status: z.int(),
  /** Left out from 500 on: what went wrong inside is for the log, under `request_id`. */
  detail: z.string().optional(),
  code: errorCodeSchema,
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  request_id: z.string().optional(),
});

/** An error body. */
export type Problem = z.infer<typeof problemSchema>;

const SERVER_ERROR = 500;
const fieldErrorsSchema = problemSchema.shape.errors;

/**
 * The error body of a failure. From status 500 on it carries the code and nothing else of the error; a failure that
 * is no FarmError is `internal`.
 */
export function toProblem(error: unknown, requestId?: string): Problem {
  const farmError =
    error instanceof FarmError ? error : new FarmError("internal", "Unexpected failure", { cause: error });
  const status = farmError.httpStatus;
  const base: Problem = { type: "about:blank", title: titleOf(farmError.code), status, code: farmError.code };
  if (requestId !== undefined) base.request_id = requestId;
  if (status >= SERVER_ERROR) return base;
  const errors = fieldErrorsSchema.safeParse(farmError.details.errors ?? limitErrors(farmError));
  if (errors.success && errors.data !== undefined) base.errors = errors.data;
  return { ...base, detail: farmError.message };
}

/** A refusal for a limit of the caller's names the limit, as one for a field names the field. */
function limitErrors({ details: { limit } }: FarmError): FieldError[] | undefined {
  return typeof limit === "string" ? [{ path: `limits.${limit}`, message: "is reached" }] : undefined;
}

function titleOf(code: string): string {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
