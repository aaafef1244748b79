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

  it("reads weights as plain text and says so", () => {
    const { clipL, notes } = tokenizePrompt(TOKENIZERS, "a (red:1.3) sun");
    expect(clipL[0]?.length).toBe(20);
    expect(notes).toEqual(["prompt has weights such as (word:1.3): they are read as plain text"]);
    expect(tokenizePrompt(TOKENIZERS, "a (red) sun").notes).toEqual([]);
  });

  it("accepts a prompt of the cap and rejects one more token, naming the field", () => {
    const words = (count: number) => Array(count).fill("sun").join(" ");
    expect(tokenizePrompt(TOKENIZERS, words(PROMPT_TOKENS_MAX)).t5).toHaveLength(PROMPT_TOKENS_MAX + 1);
    const error = errorOf(() => tokenizePrompt(TOKENIZERS, words(PROMPT_TOKENS_MAX + 1), "negative_prompt"));
    expect(error.code).toBe("invalid_request");
    expect(error.details.errors).toMatchObject([{ path: "negative_prompt" }]);
  });
});
