/** Seconds that a receiver may ask for at most: a day, the longest pause of the schedule. */
export const RETRY_AFTER_SECONDS_MAX = 86_400;

const MS_PER_SECOND = 1_000;

const SECONDS = /^\d+$/;

/** The form of a date in a header; `Date.parse()` alone takes nearly any text for one. Source: RFC 9110 section 5.6.7. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** What a `Retry-After` header asks for, in seconds from now, capped; null when it is absent or neither number nor date. */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null;
  const text = header.trim();
  const seconds = SECONDS.test(text) ? Number(text) : secondsUntil(text, nowMs);
  if (Number.isNaN(seconds)) return null;
  return Math.min(Math.max(Math.ceil(seconds), 0), RETRY_AFTER_SECONDS_MAX);
}

function secondsUntil(text: string, nowMs: number): number {
  return HTTP_DATE.test(text) ? (Date.parse(text) - nowMs) / MS_PER_SECOND : Number.NaN;
}
