import { fieldsError } from "@latentfarm/contract";

/** Groups within groups: prompts in use have two or three, ComfyUI stops where Python's stack ends, near 1000. */
export const WEIGHT_DEPTH_MAX = 32;

/** Largest weight of either sign: at 10 a picture is noise already, and ComfyUI's own keys go up in steps of 0.05. */
export const WEIGHT_MAX = 100;

/** What parentheses without a number multiply the weight by. Source: ComfyUI, `comfy/sd1_clip.py`, `token_weights`. */
const BARE_GROUP_FACTOR = 1.1;

/** A decimal number as Python's `float()` reads it, without its `1_0`, `inf` and `nan`; no part can match twice. */
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** A run of text of one weight. */
export interface WeightedText {
  /** As the tokenizer is to see it: escapes are resolved. */
  readonly text: string;
  /** 1 leaves the text's encoding as it is. */
  readonly weight: number;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

interface Group extends Range {
  readonly weight: number;
  readonly depth: number;
}

/**
 * Splits a prompt into runs of one weight. `(text:1.3)` weighs 1.3, whatever the groups around it weigh; `(text)`
 * weighs 1.1 times what is around it; `\(` and `\)` are plain characters. A parenthesis without its mate is plain
 * text, and so is all that ComfyUI then reads as such. A number that is not finite, or none, after the last colon
 * leaves the colon in the text.
 *
 * Source: ComfyUI, `comfy/sd1_clip.py`, `token_weights` and `parse_parentheses`, for behaviour.
 * @throws {FarmError} invalid_request, naming `field`, past {@link WEIGHT_DEPTH_MAX} or {@link WEIGHT_MAX}
 */
export function parsePromptWeights(text: string, field: string): WeightedText[] {
  const runs: WeightedText[] = [];
  const read = (group: Group): void => {
    if (group.depth > WEIGHT_DEPTH_MAX) {
      throw fault(field, `must nest weights at most ${WEIGHT_DEPTH_MAX} deep (WEIGHT_DEPTH_MAX)`);
    }
    for (const item of itemsOf(text, group)) {
      if (isGroup(text, item)) read(openGroup(text, item, group));
      else runs.push({ text: unescapeParentheses(text.slice(item.start, item.end)), weight: group.weight });
    }
  };
  read({ start: 0, end: text.length, weight: 1, depth: 0 });
  for (const { weight } of runs) {
    if (Math.abs(weight) > WEIGHT_MAX) {
      throw fault(field, `must hold weights of at most ${WEIGHT_MAX}, one is ${weight} (WEIGHT_MAX)`);
    }
  }
  return runs;
}

/** Cuts a range into its outermost groups and what is between them. An extra `)` takes the count below zero. */
function itemsOf(text: string, { start, end }: Range): Range[] {
  const items: Range[] = [];
  let begin = start;
  let level = 0;
  const cut = (at: number): void => {
    if (at > begin) items.push({ start: begin, end: at });
    begin = at;
  };
  for (let at = start; at < end; at += 1) {
    if (isLive(text, at, "(")) {
      if (level === 0) cut(at);
      level += 1;
    } else if (isLive(text, at, ")")) {
      level -= 1;
      if (level === 0) cut(at + 1);
    }
  }
  cut(end);
  return items;
}

/** True for what begins and ends with parentheses, be they mates or not: `(a (b)` counts, as in ComfyUI. */
function isGroup(text: string, { start, end }: Range): boolean {
  return end - start >= 2 && isLive(text, start, "(") && isLive(text, end - 1, ")");
}

/** The inside of a group with its weight: the number after the last colon, else 1.1 times the weight around it. */
function openGroup(text: string, item: Range, around: Group): Group {
  const start = item.start + 1;
  const inside = text.slice(start, item.end - 1);
  const depth = around.depth + 1;
  const colon = inside.lastIndexOf(":");
  const weight = colon > 0 ? parseWeight(inside.slice(colon + 1)) : undefined;
  if (weight === undefined) {
    return { start, end: item.end - 1, weight: around.weight * BARE_GROUP_FACTOR, depth };
  }
  return { start, end: start + colon, weight, depth };
}

function parseWeight(text: string): number | undefined {
  const trimmed = text.trim();
  if (!DECIMAL.test(trimmed)) return undefined;
  const weight = Number(trimmed);
  return Number.isFinite(weight) ? weight : undefined;
}

function isLive(text: string, at: number, parenthesis: "(" | ")"): boolean {
  return text[at] === parenthesis && text[at - 1] !== "\\";
}

function unescapeParentheses(text: string): string {
  return text.replaceAll("\\(", "(").replaceAll("\\)", ")");
}

function fault(field: string, message: string) {
  return fieldsError("the job", [{ path: field, message }]);
}
