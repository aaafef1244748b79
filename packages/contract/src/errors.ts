/**
 * How a failure is treated outside: the HTTP status of a response that carries it, and whether trying the same
 * thing again can help (BullMQ retries a frame only when it can). A `numeric_fault` is the same each time: equal
 * parameters give equal numbers.
 */
export interface ErrorTraits {
  readonly httpStatus: number;
  readonly retryable: boolean;
}

/**
 * Every error code of the farm with its traits. The list is closed: clients switch on the code, so a code is
 * never renamed, and a new failure takes the nearest code that says what the caller can do about it.
 */
export const ERROR_TRAITS = {
  invalid_json: { httpStatus: 400, retryable: false },
  invalid_request: { httpStatus: 422, retryable: false },
  payload_too_large: { httpStatus: 413, retryable: false },
  unsupported_media_type: { httpStatus: 415, retryable: false },
  method_not_allowed: { httpStatus: 405, retryable: false },
  unauthorized: { httpStatus: 401, retryable: false },
  forbidden: { httpStatus: 403, retryable: false },
  not_found: { httpStatus: 404, retryable: false },
  frame_not_ready: { httpStatus: 409, retryable: true },
  idempotency_conflict: { httpStatus: 409, retryable: false },
  nothing_to_retry: { httpStatus: 409, retryable: false },
  rate_limited: { httpStatus: 429, retryable: true },
  quota_exceeded: { httpStatus: 429, retryable: true },
  overloaded: { httpStatus: 503, retryable: true },
  model_unavailable: { httpStatus: 503, retryable: true },
  model_invalid: { httpStatus: 500, retryable: false },
  file_invalid: { httpStatus: 500, retryable: false },
  file_unreadable: { httpStatus: 500, retryable: true },
  queue_unavailable: { httpStatus: 503, retryable: true },
  store_unavailable: { httpStatus: 503, retryable: true },
  engine_crashed: { httpStatus: 500, retryable: true },
  /** It failed on three different workers, or took three different ones down with it. */
  poisoned: { httpStatus: 500, retryable: false },
  engine_unavailable: { httpStatus: 503, retryable: true },
  out_of_memory: { httpStatus: 503, retryable: true },
  numeric_fault: { httpStatus: 500, retryable: false },
  interrupted: { httpStatus: 500, retryable: true },
  canceled: { httpStatus: 409, retryable: false },
  expired: { httpStatus: 409, retryable: false },
  timeout: { httpStatus: 504, retryable: true },
  config_invalid: { httpStatus: 500, retryable: false },
  internal: { httpStatus: 500, retryable: false },
} as const satisfies Record<string, ErrorTraits>;

/** A stable, machine-readable name of a failure. */
export type ErrorCode = keyof typeof ERROR_TRAITS;

/** What may go beside an error's message: plain values that are safe to log and, below 500, to show. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The one error type of the farm. `message` follows "Cannot <action> as <bound>: <field> is <value>" and never
 * holds a prompt, a secret or a signed URL.
 */
export class FarmError extends Error {
  override readonly name = "FarmError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: ErrorDetails } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  /** True when trying the same thing again can help. */
  get retryable(): boolean {
    return ERROR_TRAITS[this.code].retryable;
  }

  /** The HTTP status of a response that carries this error. */
  get httpStatus(): number {
    return ERROR_TRAITS[this.code].httpStatus;
  }
}

/**
 * Asserts what the program itself guarantees. A failure is a bug of ours, not of the input.
 * @throws {FarmError} internal
 */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new FarmError("internal", `Broken invariant: ${message}`);
}
