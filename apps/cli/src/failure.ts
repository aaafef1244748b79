import { type ErrorCode, FarmError, type FieldError } from "@latentfarm/contract";

/** Exit statuses of the command line: 1 it failed, 2 it was called wrongly, 3 a check needs a GPU and there is none, 130 it was stopped (128 + SIGINT). */
export const EXIT = { failed: 1, usage: 2, noGpu: 3, interrupted: 130 } as const;

const USAGE_CODES: ReadonlySet<ErrorCode> = new Set(["invalid_request", "config_invalid", "invalid_json"]);

/** The fields of a request as a person calls them on the command line. */
const OPTION_NAMES: ReadonlyMap<string, string> = new Map([
  ["prompt", "PROMPT"],
  ["negative_prompt", "--negative"],
  ["width", "--size (width)"],
  ["height", "--size (height)"],
  ["guidance_scale", "--guidance"],
  ["num_images", "-n"],
  ["output_format", "--format"],
  ["output_quality", "--quality"],
  ...["model", "steps", "sampler", "scheduler", "shift", "seed", "priority"].map((name): [string, string] => [
    name,
    `--${name}`,
  ]),
  ...["tenant", "name", "scopes", "weight"].map((name): [string, string] => [name, `--${name}`]),
  ["requests_per_minute", "--rate"],
  ["limits.queued_cost_max", "--queued-cost"],
  ["limits.concurrent_frames_max", "--concurrent"],
  ["limits.running_frames_max", "--running"],
]);

/** The error of a call that cannot be carried out as it was written. */
export function usageError(message: string): FarmError {
  return new FarmError("invalid_request", message);
}

/** The exit status that says what kind of failure this is. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof FarmError)) return EXIT.failed;
  if (error.code === "canceled") return EXIT.interrupted;
  return USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.failed;
}

/** A failure in words, one line per wrong field; a stack only for a bug of ours, which is no FarmError. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof FarmError))
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const fields = fieldErrorsOf(error);
  return [error.message, ...fields.map(({ path, message }) => `  ${optionOf(path)} ${message}`)].join("\n");
}

/** An entry of a list, such as `scopes.0`, is named by the list's option. */
function optionOf(path: string): string {
  return OPTION_NAMES.get(path) ?? OPTION_NAMES.get(path.replace(/\.\d+$/, "")) ?? path;
}

function fieldErrorsOf(error: FarmError): FieldError[] {
  const errors = error.details.errors;
  return Array.isArray(errors) ? errors.filter(isFieldError) : [];
}

function isFieldError(value: unknown): value is FieldError {
  return (
    typeof value === "object" &&
    value !== null &&
    "path" in value &&
    typeof value.path === "string" &&
    "message" in value &&
    typeof value.message === "string"
  );
}
