/** Seconds that a receiver may ask for at most: a day, the longest pause of the schedule. */
export const RETRY_AFTER_SECONDS_MAX = 86_400;

const MS_PER_SECOND = 1_000;

/** What a `Retry-After` header asks for, in seconds from now, capped; null when it is absent or neither number nor date. */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null;
  const text = header.trim();
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - nowMs) / MS_PER_SECOND;
  if (Number.isNaN(seconds)) return null;
  return Math.min(Math.max(Math.ceil(seconds), 0), RETRY_AFTER_SECONDS_MAX);
}
