import { FarmError } from "@latentfarm/contract";

/** Errors told below one another: a farm's error has one cause or two, and a ring must end. */
const CAUSES_MAX = 4;

/** Characters of a name or a code. */
const WORD_CHARS_MAX = 80;

/** What a line of the log says of an error. */
export interface DescribedError {
  readonly type: string;
  readonly code?: string;
  readonly message?: string;
  /** Places in the program, without the message. */
  readonly stack?: string;
  readonly cause?: DescribedError;
}

/**
 * Describes an error for the log. Messages are told of the farm's own errors, which name no secret, and of faults of the
 * program. Those of others may hold anything: S3's repeat access keys, a parser's the text that it refuses. Of these the
 * name, the code and the place are told.
 */
export function describeError(error: unknown, causesMax: number = CAUSES_MAX): DescribedError {
  if (!(error instanceof Error)) return { type: typeof error };
  const { cause } = error;
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  const stack = error.stack
    ?.split("\n")
    .filter((line) => /^ {4}at /.test(line))
    .join("\n");
  return {
    type: error.name.slice(0, WORD_CHARS_MAX),
    ...(code !== undefined && { code: code.slice(0, WORD_CHARS_MAX) }),
    ...(isOwn(error) && { message: error.message }),
    ...(stack && { stack }),
    ...(cause !== undefined && causesMax > 0 && { cause: describeError(cause, causesMax - 1) }),
  };
}

function isOwn(error: Error): boolean {
  return error instanceof FarmError || error instanceof TypeError || error instanceof RangeError;
}
