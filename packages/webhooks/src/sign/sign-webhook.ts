import { createHmac } from "node:crypto";
import { webhookKey } from "./webhook-secret.js";

/** What is signed. */
export interface Signable {
  /** The id of the message, the same at every attempt: receivers tell duplicates by it. */
  readonly id: string;
  /** When this attempt is made, in seconds since 1970. */
  readonly timestampSeconds: number;
  /** The body as it is sent. */
  readonly body: string;
  /** Newest first; each signs, so that a receiver may hold any of them while a secret rotates. */
  readonly secrets: readonly string[];
}

/** The headers that carry a signature. */
export interface SignatureHeaders {
  readonly "webhook-id": string;
  readonly "webhook-timestamp": string;
  readonly "webhook-signature": string;
}

/**
 * Signs a webhook. Source: Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`, as `v1,<base64>`, several
 * separated by spaces.
 * @throws {TypeError} for no or wrong secrets, and for an id with a full stop, which would make the signed text
 * ambiguous; @throws {RangeError} for a time that is no whole second.
 */
export function signWebhook({ id, timestampSeconds, body, secrets }: Signable): SignatureHeaders {
  if (id === "" || id.includes(".")) {
    throw new TypeError(`Cannot sign webhook as its id may have no full stop: id is ${JSON.stringify(id)}`);
  }
  if (!Number.isSafeInteger(timestampSeconds) || timestampSeconds < 0) {
    throw new RangeError(`Cannot sign webhook as time counts whole seconds: time is ${timestampSeconds}`);
  }
  if (secrets.length === 0) throw new TypeError("Cannot sign webhook as it needs a secret: count is 0");
  const text = `${id}.${timestampSeconds}.${body}`;
  const signatures = secrets.map(
    (secret) => `v1,${createHmac("sha256", webhookKey(secret)).update(text).digest("base64")}`,
  );
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestampSeconds),
    "webhook-signature": signatures.join(" "),
  };
}
