import { type DestinationStream, type Logger as PinoLogger, pino } from "pino";
import { describeError } from "./describe-error.js";

/** The log of a process: one JSON object per line, fields first and a fixed sentence last. */
export type Logger = PinoLogger;

/** The least level that a log writes. */
export type LogLevel = "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";

/** Who logs, how much, and where to. */
export interface LoggerOptions {
  /** The process: `gateway`, `worker`, `cli`. */
  readonly name: string;
  readonly level: LogLevel;
  /** Standard output when absent; a test puts its own here. */
  readonly destination?: DestinationStream;
  /** What every line carries of the work at hand: the ids of its trace. */
  readonly fields?: () => object;
}

/** Fields that hold what a client wrote or what opens a door; they are masked wherever they appear in a line. */
const SECRET_FIELDS = [
  "prompt",
  "negative_prompt",
  "metadata",
  "authorization",
  "cookie",
  "password",
  "secret",
  "token",
  "redisUrl",
  "url_signed",
] as const;

/** Levels of nesting that are masked: `{headers: {…}}` and `{req: {headers: {…}}}` are the deepest that we log. */
const SECRET_DEPTH_MAX = 3;

const MASK = "[hidden]";

/**
 * Makes the log of a process. Lines are written synchronously, so that the last ones before a crash are there; a
 * farm logs a few lines per picture, not per request of a hot path.
 */
export function createLogger(options: LoggerOptions): Logger {
  // pino writes a line's own fields into the object that it is given: it gets a copy.
  const { fields } = options;
  const settings = {
    name: options.name,
    level: options.level,
    serializers: { err: (error: unknown) => describeError(error) },
    redact: { paths: secretPaths(), censor: MASK },
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    ...(fields && { mixin: () => ({ ...fields() }) }),
  };
  return pino(settings, options.destination ?? pino.destination({ dest: 1, sync: true }));
}

function secretPaths(): string[] {
  return SECRET_FIELDS.flatMap((field) =>
    Array.from({ length: SECRET_DEPTH_MAX }, (_, depth) => `${"*.".repeat(depth)}${field}`),
  );
}
