import { randomBytes } from "node:crypto";

/** What a secret starts with. Source: standardwebhooks.com, "Symmetric signature scheme". */
const SECRET_PREFIX = "whsec_";

/** Bytes of a new secret: the output size of HMAC-SHA256, beyond which more adds nothing. */
const SECRET_BYTES = 32;

/** Bytes of any secret. Source: standardwebhooks.com: between 24 and 64. */
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** A new signing secret, `whsec_` and base64. `random` gives that many unpredictable bytes. */
export function createWebhookSecret(random: (size: number) => Uint8Array = randomBytes): string {
  return `${SECRET_PREFIX}${Buffer.from(random(SECRET_BYTES)).toString("base64")}`;
}

/**
 * The key in a signing secret.
 * @throws {TypeError} when it is none; the message does not repeat it.
 */
export function webhookKey(secret: string): Buffer {
  const text = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : "";
  const key = BASE64.test(text) ? Buffer.from(text, "base64") : Buffer.alloc(0);
  if (key.length < SECRET_BYTES_MIN || key.length > SECRET_BYTES_MAX) {
    throw new TypeError(
      `Cannot read webhook secret as ${SECRET_PREFIX} and base64 of ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes: size is ${key.length}`,
    );
  }
  return key;
}
