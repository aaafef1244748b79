/** The bytes of a text as UTF-8, counted without encoding it when the length alone decides. */
export function utf8Bytes(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/** A code unit of a surrogate pair that stands alone: it has no UTF-8 form and a tokenizer would see U+FFFD. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** What makes a text unfit to be tokenised or stored, or undefined when nothing does. */
export function textFault(text: string): string | undefined {
  if (text.includes("\u0000")) return "must not hold the character U+0000";
  if (LONE_SURROGATE.test(text)) return "must not hold a lone surrogate";
  return undefined;
}
