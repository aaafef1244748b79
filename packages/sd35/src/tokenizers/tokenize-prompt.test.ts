import { fileURLToPath } from "node:url";
import { FarmError } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { openClipTokenizer } from "./clip-tokenizer.js";
import { openT5Tokenizer } from "./t5-tokenizer.js";
import { PROMPT_TOKENS_MAX, tokenizePrompt } from "./tokenize-prompt.js";

/** The demo model's own tokenizers: 20 positions, every word of a caption one token. */
const MODEL = fileURLToPath(new URL("../../../demo-model/model/", import.meta.url));
const TOKENIZERS = {
  clipL: openClipTokenizer(`${MODEL}tokenizer`, "clip_l"),
  clipG: openClipTokenizer(`${MODEL}tokenizer_2`, "clip_g"),
  t5: openT5Tokenizer(`${MODEL}tokenizer_3`),
  clipLength: 20,
  t5LengthMin: 20,
};
const [BOS, EOS] = [656, 657];

function errorOf(work: () => unknown): FarmError {
  try {
    work();
  } catch (error) {
    if (error instanceof FarmError) return error;
  }
  throw new Error("no FarmError was thrown");
}

describe("tokenizePrompt()", () => {
  it("frames and pads each encoder as SD3 wants", () => {
    const { clipL, clipG, t5, notes } = tokenizePrompt(TOKENIZERS, "a yellow sun");
    expect(clipL).toEqual([[BOS, 353, 655, 647, EOS, ...Array(15).fill(EOS)]]);
    expect(clipG).toEqual([[BOS, 353, 655, 647, EOS, ...Array(15).fill(0)]]);
    expect(t5).toEqual([3, 57, 49, 1, ...Array(16).fill(0)]);
    expect(notes).toEqual([]);
  });

  it("frames an empty prompt", () => {
    const { clipL, clipG, t5 } = tokenizePrompt(TOKENIZERS, "");
    expect(clipL).toEqual([[BOS, EOS, ...Array(18).fill(EOS)]]);
    expect(clipG).toEqual([[BOS, EOS, ...Array(18).fill(0)]]);
    expect(t5).toEqual([1, ...Array(19).fill(0)]);
  });

  it("tells the reader that a long prompt fills several chunks", () => {
    const { clipL, clipG, t5, notes } = tokenizePrompt(TOKENIZERS, "sun ".repeat(40), "negative_prompt");
    expect([clipL.length, clipG.length, t5.length]).toEqual([3, 3, 41]);
    expect(notes).toEqual(["negative_prompt fills 3 CLIP chunks of 20 tokens"]);
  });

  it("gives both CLIP encoders the same number of chunks", () => {
    const short = { ...TOKENIZERS.clipG, encode: () => [] };
    const { clipL, clipG } = tokenizePrompt({ ...TOKENIZERS, clipG: short }, "sun ".repeat(19));
    const empty = [BOS, EOS, ...Array(18).fill(0)];
    expect(clipL).toHaveLength(2);
    expect(clipG).toEqual([empty, empty]);
  });

  it("leaves an encoder out that the model lacks", () => {
    const tokens = tokenizePrompt({ t5: TOKENIZERS.t5, clipLength: 20, t5LengthMin: 20 }, "sun");
    expect([tokens.clipL, tokens.clipG, tokens.t5.length]).toEqual([[], [], 20]);
  });

  it("tokenizes each run of one weight by itself and keeps its weight by token", () => {
    const { clipL, clipG, t5, weights } = tokenizePrompt(TOKENIZERS, "a (yellow:1.3) sun");
    expect([clipL, clipG]).toEqual([[[BOS, 353, 655, 647, EOS, ...Array(15).fill(EOS)]], expect.anything()]);
    const ones = Array(17).fill(1);
    expect(weights?.clipL).toEqual([[1, 1, 1.3, 1, ...ones.slice(1)]]);
    expect(weights?.clipG).toEqual(weights?.clipL);
    expect(t5).toEqual([3, 57, 49, 1, ...Array(16).fill(0)]);
    expect(weights?.t5).toEqual([1, 1.3, 1, ...ones]);
  });

  it("gives no weights when all are 1", () => {
    const plain = tokenizePrompt(TOKENIZERS, "a yellow sun");
    expect(tokenizePrompt(TOKENIZERS, "a (yellow:1) sun")).toEqual(plain);
    expect(plain.weights).toBeUndefined();
  });

  it("moves a short weighted run whole to the next chunk", () => {
    const { clipL, weights } = tokenizePrompt(TOKENIZERS, `${"sun ".repeat(16)}(yellow sun a:0.5)`);
    expect(clipL.map((chunk) => chunk.indexOf(EOS))).toEqual([17, 4]);
    expect(weights?.clipL[1]?.slice(0, 5)).toEqual([1, 0.5, 0.5, 0.5, 1]);
  });

  it("accepts a prompt of the cap and rejects one more token, naming the field", () => {
    const words = (count: number) => Array(count).fill("sun").join(" ");
    expect(tokenizePrompt(TOKENIZERS, words(PROMPT_TOKENS_MAX)).t5).toHaveLength(PROMPT_TOKENS_MAX + 1);
    const error = errorOf(() => tokenizePrompt(TOKENIZERS, words(PROMPT_TOKENS_MAX + 1), "negative_prompt"));
    expect(error.code).toBe("invalid_request");
    expect(error.details.errors).toMatchObject([{ path: "negative_prompt" }]);
    const runs = `(sun:2) ${words(PROMPT_TOKENS_MAX)}`;
    expect(errorOf(() => tokenizePrompt(TOKENIZERS, runs)).code).toBe("invalid_request");
  });
});
