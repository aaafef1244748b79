import { readFileSync } from "node:fs";
import { type FarmEnv, FarmError } from "@latentfarm/contract";

/** The part of the environment that names the Redis. */
export type RedisEnv = Pick<FarmEnv, "FARM_REDIS_URL" | "FARM_REDIS_PASSWORD_FILE">;

/** Bytes of a password's file: Redis takes longer passwords, but a file of that size is another file. */
const PASSWORD_BYTES_MAX = 1_024;

/**
 * The URL of the Redis with its password, which a file may hold: what stands in an environment is shown by
 * `docker inspect` and the like. Line ends around the password are not part of it. Undefined when no Redis is named.
 * @throws {FarmError} config_invalid a password file without a URL, or beside a password in it; a file that cannot be
 * read, is empty or too large
 */
export function redisUrlOf(env: RedisEnv): string | undefined {
  const { FARM_REDIS_URL: text, FARM_REDIS_PASSWORD_FILE: file } = env;
  if (file === undefined) return text;
  if (text === undefined) throw wrong("is set, but FARM_REDIS_URL is absent");
  const url = new URL(text);
  if (url.password !== "") throw wrong("is set, but FARM_REDIS_URL has a password too");
  url.password = encodeURIComponent(readPassword(file));
  return url.href;
}

function readPassword(file: string): string {
  const bytes = readBytes(file);
  if (bytes.length > PASSWORD_BYTES_MAX) throw wrong(`is larger than ${PASSWORD_BYTES_MAX} bytes`);
  const password = bytes.toString("utf8").replace(/^[\r\n]+|[\r\n]+$/g, "");
  if (password === "") throw wrong("is empty");
  return password;
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "unknown";
    throw wrong(`cannot be read: code is ${code}`);
  }
}

function wrong(problem: string): FarmError {
  const text = `FARM_REDIS_PASSWORD_FILE ${problem}`;
  return new FarmError("config_invalid", `Cannot start as the environment is wrong: ${text}`, {
    details: { problems: [text] },
  });
}
