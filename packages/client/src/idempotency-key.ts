/** Bytes of a key: as many as a UUID has, and `randomUUID()` is missing on pages without TLS. */
const KEY_BYTES = 16;

/** A new idempotency key: 32 hexadecimal digits. */
export function createIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
