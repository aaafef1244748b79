/** Strings whole, so that no digit inside one is taken for a number; then numbers. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** A whole number that a float64 may not hold: past 15 digits some are rounded. */
const LONG_WHOLE = /^-?\d{16,}$/;

/**
 * Parses JSON so that no number loses digits: whole numbers of more than 15 digits come out as their text. Seeds of
 * ComfyUI reach 2^64 - 1.
 * @throws {SyntaxError} it is no JSON
 */
export function parseJsonExactly(text: string): unknown {
  // A text that is no JSON ends here: only in one that is do the tokens lie side by side, each looked at once.
  JSON.parse(text);
  return JSON.parse(text.replace(TOKENS, (token) => (LONG_WHOLE.test(token) ? `"${token}"` : token)));
}
