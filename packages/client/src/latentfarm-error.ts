import type { ErrorCode, FieldError } from "@latentfarm/contract";

/**
 * Why a call failed: the farm's own code, or one of the client's: `unreachable` (no answer came), `unexpected_answer` (what
 * answered is no farm, or a proxy before it), `timed_out` (the client's own time was over).
 */
export type ClientErrorCode = ErrorCode | "unreachable" | "unexpected_answer" | "timed_out";

/** What goes beside the message of a failed call. */
export interface LatentfarmErrorOptions {
  /** The HTTP status; undefined when no answer came. */
  readonly status?: number | undefined;
  readonly errors?: readonly FieldError[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly requestId?: string | undefined;
  readonly cause?: unknown;
}

/** A call that failed. Switch on `code`: the list is closed and a code is never renamed. */
export class LatentfarmError extends Error {
  override readonly name = "LatentfarmError";
  readonly code: ClientErrorCode;
  readonly status: number | undefined;
  /** Every wrong field of a refused request. */
  readonly errors: readonly FieldError[];
  /** Seconds after which the farm asks to be asked again. */
  readonly retryAfterSeconds: number | undefined;
  /** Finds the request in the farm's log. */
  readonly requestId: string | undefined;

  constructor(code: ClientErrorCode, message: string, options: LatentfarmErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.errors = options.errors ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.requestId = options.requestId;
  }
}
