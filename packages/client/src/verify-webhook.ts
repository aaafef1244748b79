import type { Job, WebhookPayload } from "@latentfarm/contract";

/** Why a request is not taken for a webhook of the farm. */
export type WebhookFault =
  | "missing_header"
  | "bad_timestamp"
  | "timestamp_too_old"
  | "timestamp_too_new"
  | "no_matching_signature"
  | "bad_body";

/** A request that is not taken for a webhook of the farm: answer it with 400. */
export class WebhookVerificationError extends Error {
  override readonly name = "WebhookVerificationError";
  readonly code: WebhookFault;

  constructor(code: WebhookFault, message: string) {
    super(message);
    this.code = code;
  }
}

/** A request that claims to be a webhook. */
export interface WebhookVerification {
  /** As the server hands them over: `Headers`, or Node's `request.headers`. */
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The body as it came: parsed and written again it would be another text. */
  readonly body: string | Uint8Array;
  /** The endpoint's secrets, `whsec_…`; two while it rotates. */
  readonly secrets: readonly string[];
  /** Seconds that the request's time may differ from now, against replays; 300 when absent. */
  readonly toleranceSeconds?: number;
  readonly nowMs?: () => number;
}

/** Seconds. Source: standardwebhooks.com and the libraries listed there. */
const TOLERANCE_SECONDS = 300;

/** Signatures that are looked at: one for each secret of a rotation, and some to spare. */
const SIGNATURES_MAX = 16;

const SECRET_PREFIX = "whsec_";
const VERSION_PREFIX = "v1,";
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const UNIX_SECONDS = /^\d{1,12}$/;
const MS_PER_SECOND = 1_000;

/**
 * Checks a webhook's signature and time, and gives its payload. Source: Standard Webhooks 1.0.0. The comparison is
 * WebCrypto's own, which takes the same time wherever texts differ. Deliveries can come twice: keep `webhook-id`.
 * @throws {WebhookVerificationError} when it is not to be trusted.
 * @throws {TypeError} when there is no secret, or one that is no `whsec_` secret; the message does not repeat it.
 */
export async function verifyWebhook<Data = Job>({
  headers,
  body,
  secrets,
  toleranceSeconds = TOLERANCE_SECONDS,
  nowMs = Date.now,
}: WebhookVerification): Promise<WebhookPayload<Data>> {
  const keys = await Promise.all(secrets.map(importSecret));
  if (keys.length === 0) throw new TypeError("Cannot verify a webhook without a secret: count is 0");
  const id = headerOf(headers, "webhook-id");
  const timestamp = headerOf(headers, "webhook-timestamp");
  const signatures = readSignatures(headerOf(headers, "webhook-signature"));
  checkTime(timestamp, nowMs() / MS_PER_SECOND, toleranceSeconds);
  const encoder = new TextEncoder();
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  const signed = concat(encoder.encode(`${id}.${timestamp}.`), bytes);
  if (!(await hasMatch(keys, signatures, signed))) {
    throw new WebhookVerificationError("no_matching_signature", "Cannot trust webhook: no signature matches");
  }
  return readPayload<Data>(bytes);
}

type Bytes = Uint8Array<ArrayBuffer>;
type HmacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** Every pair is tried to the end: which of them matches shows in no time. */
async function hasMatch(
  keys: readonly HmacKey[],
  signatures: readonly Bytes[],
  signed: Bytes,
): Promise<boolean> {
  const pairs = keys.flatMap((key) => signatures.map((signature) => ({ key, signature })));
  const matches = await Promise.all(
    pairs.map(({ key, signature }) => crypto.subtle.verify("HMAC", key, signature, signed)),
  );
  return matches.includes(true);
}

function importSecret(secret: string): Promise<HmacKey> {
  const bytes = decodeBase64(secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : "");
  if (bytes === undefined) throw new TypeError("Cannot read a webhook secret: it is not whsec_ and base64");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

function headerOf(headers: WebhookVerification["headers"], name: string): string {
  const value =
    headers instanceof Headers
      ? headers.get(name)
      : Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  if (typeof value === "string" && value !== "") return value;
  throw new WebhookVerificationError("missing_header", `Cannot trust webhook: header ${name} is missing`);
}

function readSignatures(header: string): Bytes[] {
  const texts = header.split(" ").filter((text) => text.startsWith(VERSION_PREFIX));
  return texts
    .slice(0, SIGNATURES_MAX)
    .map((text) => decodeBase64(text.slice(VERSION_PREFIX.length)))
    .filter((bytes) => bytes !== undefined);
}

function checkTime(text: string, nowSeconds: number, toleranceSeconds: number): void {
  if (!UNIX_SECONDS.test(text)) {
    throw new WebhookVerificationError("bad_timestamp", "Cannot trust webhook: its time is no number");
  }
  const ageSeconds = Math.floor(nowSeconds) - Number(text);
  if (Math.abs(ageSeconds) <= toleranceSeconds) return;
  const code = ageSeconds > 0 ? "timestamp_too_old" : "timestamp_too_new";
  throw new WebhookVerificationError(code, `Cannot trust webhook: its age is ${ageSeconds} s`);
}

function readPayload<Data>(bytes: Uint8Array): WebhookPayload<Data> {
  try {
    // The signature vouches for the form.
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as WebhookPayload<Data>;
  } catch {
    throw new WebhookVerificationError("bad_body", "Cannot read webhook: its body is no JSON");
  }
}

function decodeBase64(text: string): Bytes | undefined {
  if (!BASE64.test(text) || text.length % 4 !== 0) return undefined;
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

function concat(first: Uint8Array, second: Uint8Array): Bytes {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
