import { FarmError, fieldsError, LIMITS } from "@latentfarm/contract";
import express, { type Request, type RequestHandler } from "express";
import { assertKeysOnce, endOfJsonString } from "./json-keys.js";

/**
 * Middleware that reads a body as bytes, up to `body_bytes_max`. Compressed bodies are refused: a small one can
 * unfold into a large one.
 */
export function readBody(): RequestHandler {
  return express.raw({ type: () => true, inflate: false, limit: LIMITS.body_bytes_max });
}

/**
 * The JSON value of a body that readBody() has read.
 * @throws {FarmError} unsupported_media_type, invalid_json, or invalid_request for a body nested too deep.
 */
export function parseJsonBody(request: Request): unknown {
  assertJsonType(request);
  const text = decodeUtf8(request.body);
  // RFC 8259 section 8.1 forbids it; as a character it would only be "not JSON".
  if (text.startsWith("\uFEFF")) throw invalidJson("begins with a byte order mark");
  assertStructure(text);
  const value = parseJson(text);
  assertKeysOnce(text);
  const reserved = findReservedKey(value, []);
  if (reserved !== undefined) {
    throw fieldsError("the body", [{ path: reserved.join("."), message: "is not a known field" }]);
  }
  return value;
}

/** As {@link parseJsonBody}, for a call whose body may be left out: then it is an empty object. */
export function parseOptionalJsonBody(request: Request): unknown {
  const body: unknown = request.body;
  return body instanceof Uint8Array && body.length > 0 ? parseJsonBody(request) : {};
}

function assertJsonType(request: Request): void {
  const named = (request.headers["content-type"] ?? "").matchAll(/;\s*charset\s*=\s*"?([^\s;"]*)/gi);
  const [charset = "utf-8", ...others] = [...named].map((match) => match[1]?.toLowerCase());
  const isUtf8 = charset === "utf-8" && others.length === 0;
  if (request.is("application/json") === "application/json" && isUtf8) return;
  const message = "must be application/json in UTF-8";
  throw new FarmError(
    "unsupported_media_type",
    `Cannot read the body as its type is wrong: Content-Type ${message}`,
    {
      details: { errors: [{ path: "headers.content-type", message }] },
    },
  );
}

function decodeUtf8(body: unknown): string {
  if (!(body instanceof Uint8Array)) throw invalidJson("is empty");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch (error) {
    throw invalidJson("is not UTF-8", error);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidJson("is not JSON", error);
  }
}

/** The parser's own message quotes the body, prompt and all, so it stays inside as the cause. */
function invalidJson(message: string, cause?: unknown): FarmError {
  return new FarmError("invalid_json", `Cannot read the body as it ${message}`, {
    cause,
    details: { errors: [{ path: "body", message }] },
  });
}

/**
 * Counts open brackets and all that is outside strings before JSON.parse spends stack and memory on them: only a
 * string, an image, can be longer than `body_bytes_max`.
 */
function assertStructure(text: string): void {
  let depth = 0;
  let outside = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = endOfJsonString(text, at);
    else if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
    outside++;
    if (depth > LIMITS.json_depth_max) {
      const message = `must nest at most ${LIMITS.json_depth_max} deep (limit json_depth_max)`;
      throw fieldsError("the body", [{ path: "body", message }]);
    }
    if (outside > LIMITS.body_bytes_max) throw tooLarge();
  }
}

/**
 * Asserts that a body is at most `body_bytes_max` long but for one of its fields.
 * @throws {FarmError} payload_too_large
 */
export function assertSmallBeside(value: unknown, field: string): void {
  const rest = JSON.stringify(value, (key, inner: unknown) => (key === field ? undefined : inner));
  if (Buffer.byteLength(rest ?? "") > LIMITS.body_bytes_max) throw tooLarge();
}

function tooLarge(): FarmError {
  const message = `must be at most ${LIMITS.body_bytes_max} bytes beside an image (limit body_bytes_max)`;
  return new FarmError("payload_too_large", `Cannot read the request as body ${message}`, {
    details: { errors: [{ path: "body", message }] },
  });
}

/** Finds a key `__proto__`: JSON.parse makes it a plain field, which copies further on would drop in silence. */
function findReservedKey(value: unknown, path: readonly string[]): readonly string[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const found = key === "__proto__" ? [...path, key] : findReservedKey(inner, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}
