import type { z } from "zod";
import { FarmError } from "./errors.js";

/** One wrong field: where it is (`metadata.note`, `query.limit`; the body itself is `body`) and what is wrong. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** Wrong fields in one answer: a body cannot make the answer larger than this, whatever it holds. */
const FIELD_ERRORS_MAX = 64;

/** Characters of a path in an answer: an unknown field's name is the client's own text. */
const PATH_CHARS_MAX = 128;

/** The outcome of a check: the parsed value, or every wrong field. */
export type Checked<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/** Checks a value against a schema. */
export function checkWith<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): Checked<z.output<Schema>> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, errors: parsed.error.issues.flatMap(toFieldErrors) };
}

/**
 * Checks a value against a schema and gives the parsed value.
 * @throws {FarmError} invalid_request, with every wrong field in `details.errors`.
 */
export function parseWith<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
): z.output<Schema> {
  const checked = checkWith(schema, value);
  if (checked.ok) return checked.value;
  throw fieldsError(what, checked.errors);
}

/** The error that lists the given wrong fields; its message names them. */
export function fieldsError(what: string, errors: readonly FieldError[]): FarmError {
  const shown = errors.slice(0, FIELD_ERRORS_MAX);
  const names = [...new Set(shown.map((error) => error.path))].join(", ");
  return new FarmError("invalid_request", `Cannot accept ${what} as fields are wrong: ${names}`, {
    details: { errors: shown },
  });
}

function toFieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: pathOf([...issue.path, key]), message: "is not a known field" }));
  }
  const missing = issue.code === "invalid_type" && issue.input === undefined && issue.path.length > 0;
  return [{ path: pathOf(issue.path), message: missing ? "is required" : issue.message }];
}

function pathOf(path: readonly PropertyKey[]): string {
  const text = path.length === 0 ? "body" : path.map(String).join(".");
  return text.length > PATH_CHARS_MAX ? `${text.slice(0, PATH_CHARS_MAX)}…` : text;
}
