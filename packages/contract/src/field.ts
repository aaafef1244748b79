import { z } from "zod";
import { LIMITS, type LimitName } from "./limits.js";
import { textFault, utf8Bytes } from "./text.js";

/** A whole number between two named limits; a refusal names the limit that it breaks. */
export function wholeBetween(min: LimitName, max: LimitName): z.ZodNumber {
  return z.int("must be a whole number").min(LIMITS[min], atLeast(min)).max(LIMITS[max], atMost(max));
}

/** A finite number between two named limits; a refusal names the limit that it breaks. */
export function numberBetween(min: LimitName, max: LimitName): z.ZodNumber {
  return z.number("must be a number").min(LIMITS[min], atLeast(min)).max(LIMITS[max], atMost(max));
}

/**
 * A text of at most the named limit's bytes as UTF-8, without U+0000 and lone surrogates. The size is looked at
 * first and alone, so that no check runs over a text that is too long.
 */
export function textOf(max: LimitName): z.ZodString {
  return z.string("must be a string").check((context) => {
    const bytes = utf8Bytes(context.value);
    const tooLong = `must be at most ${LIMITS[max]} bytes, is ${bytes} (limit ${max})`;
    const fault = bytes > LIMITS[max] ? tooLong : textFault(context.value);
    if (fault !== undefined) context.issues.push({ code: "custom", message: fault, input: context.value });
  });
}

function atLeast(name: LimitName): string {
  return `must be at least ${LIMITS[name]} (limit ${name})`;
}

function atMost(name: LimitName): string {
  return `must be at most ${LIMITS[name]} (limit ${name})`;
}
