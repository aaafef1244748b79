import { z } from "zod";
import { isJobId } from "./ids.js";
import { LIMITS } from "./limits.js";
import { STATUSES } from "./states.js";
import { type FieldError, fieldsError } from "./validate.js";
import { DELIVERY_STATUSES } from "./webhook.js";

/** A cursor is the farm's own text, so one of another form was not given out by it. */
const CURSOR = /^[A-Za-z0-9_.:~-]{1,128}$/;

const CURSOR_FAULT = "must be the next_cursor of a page before";

const LIMIT_FAULT = `must be a whole number of ${LIMITS.page_min}..${LIMITS.page_max} (limits page_min, page_max)`;

const page = {
  limit: z
    .string()
    .regex(/^[0-9]{1,9}$/, LIMIT_FAULT)
    .transform(Number)
    .refine((limit) => limit >= LIMITS.page_min && limit <= LIMITS.page_max, LIMIT_FAULT)
    .default(LIMITS.page_default),
  cursor: z.string().regex(CURSOR, CURSOR_FAULT).optional(),
};

const oneOf = <const Names extends readonly [string, ...string[]]>(names: Names) =>
  z.enum(names, `must be one of ${names.join(", ")}`).optional();

/** The query of a list without a filter. */
export const pageQuerySchema = z.strictObject(page);

/** The query of `GET /v1/jobs`. */
export const jobListQuerySchema = z.strictObject({
  ...page,
  status: oneOf(STATUSES),
  /** The id of the last job of the page before. */
  cursor: z.string().refine(isJobId, CURSOR_FAULT).optional(),
});

const FRAMES_FAULT = `must be a whole number of ${LIMITS.page_min}..${LIMITS.frames_page_max} (limits page_min, frames_page_max)`;

/** The query of `GET /v1/jobs/{id}/frames`. */
export const frameListQuerySchema = z.strictObject({
  status: oneOf(STATUSES),
  limit: z
    .string()
    .regex(/^[0-9]{1,9}$/, FRAMES_FAULT)
    .transform(Number)
    .refine((limit) => limit >= LIMITS.page_min && limit <= LIMITS.frames_page_max, FRAMES_FAULT)
    .default(LIMITS.frames_page_default),
  /** The index that the page begins with. */
  cursor: z
    .string()
    .regex(/^[0-9]{1,5}$/, CURSOR_FAULT)
    .transform(Number)
    .optional(),
});

/** The query of `GET /v1/deliveries`. */
export const deliveryListQuerySchema = z.strictObject({ status: oneOf(DELIVERY_STATUSES), ...page });

/** The query of `POST /v1/jobs`. */
export const submitQuerySchema = z.strictObject({
  dry_run: oneOf(["true", "false"]).transform((text) => text === "true"),
});

/**
 * Checks the parameters of a query.
 * @throws {FarmError} invalid_request, with every wrong and every unknown one in `details.errors`, as `query.<name>`
 */
export function parseQuery<Schema extends z.ZodObject>(
  schema: Schema,
  parameters: ReadonlyMap<string, string>,
): z.output<Schema> {
  const known = [...parameters].filter(([name]) => Object.hasOwn(schema.shape, name));
  const parsed = schema.safeParse(Object.fromEntries(known));
  const unknown = [...parameters.keys()].filter((name) => !Object.hasOwn(schema.shape, name));
  const errors: FieldError[] = unknown.map((name) => ({
    path: `query.${name}`,
    message: "is not a known parameter",
  }));
  for (const { path, message } of parsed.error?.issues ?? [])
    errors.push({ path: `query.${path.map(String).join(".")}`, message });
  if (!parsed.success || errors.length > 0) throw fieldsError("the request", errors);
  return parsed.data;
}
