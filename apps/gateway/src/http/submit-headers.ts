import { type FieldError, LIMITS } from "@latentfarm/contract";

/** Printable ASCII without spaces at the ends. */
const IDEMPOTENCY_KEY = /^[!-~](?:[ -~]*[!-~])?$/;
const WAIT_PREFERENCE = /^wait=("?)([0-9]{1,9})\1$/i;

/** What a header says: its value, nothing when it is absent, or what is wrong with it. */
export type HeaderValue<Value> = { readonly value: Value | undefined } | { readonly fault: FieldError };

/** Reads the seconds of `Prefer: wait=N`; other preferences are ignored as RFC 7240 says. */
export function readWait(header: string | undefined): HeaderValue<number> {
  const preferences = (header ?? "").split(",").map((text) => text.trim());
  const wait = preferences.find((text) => /^wait\b/i.test(text));
  if (wait === undefined) return { value: undefined };
  const seconds = Number(WAIT_PREFERENCE.exec(wait)?.[2] ?? Number.NaN);
  if (seconds >= LIMITS.wait_seconds_min && seconds <= LIMITS.wait_seconds_max) return { value: seconds };
  const range = `${LIMITS.wait_seconds_min}..${LIMITS.wait_seconds_max}`;
  const message = `wait must be ${range} seconds (limits wait_seconds_min, wait_seconds_max)`;
  return { fault: { path: "headers.prefer", message } };
}

/** Reads `Idempotency-Key`. */
export function readIdempotencyKey(header: string | undefined): HeaderValue<string> {
  const max = LIMITS.idempotency_key_chars_max;
  if (header === undefined || (header.length <= max && IDEMPOTENCY_KEY.test(header)))
    return { value: header };
  const message = `must be 1..${max} printable ASCII characters (limit idempotency_key_chars_max)`;
  return { fault: { path: "headers.idempotency-key", message } };
}
