import { fileURLToPath } from "node:url";
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

  it("takes a prompt of the cap whole, and cuts one more token off and says so", () => {
    const words = (count: number) => Array(count).fill("sun").join(" ");
    const whole = tokenizePrompt(TOKENIZERS, words(PROMPT_TOKENS_MAX));
    expect(whole.t5).toHaveLength(PROMPT_TOKENS_MAX + 1);
    expect(whole.notes.filter((note) => note.includes("cut"))).toEqual([]);
    const cut = tokenizePrompt(TOKENIZERS, words(PROMPT_TOKENS_MAX + 1), "negative_prompt");
    expect({ ...cut, notes: [] }).toEqual({ ...whole, notes: [] });
    expect(cut.notes.slice(1)).toEqual(
      ["CLIP-L", "CLIP-G", "T5-XXL"].map(
        (name) => `negative_prompt is cut to 2048 of its 2049 tokens for ${name} (PROMPT_TOKENS_MAX)`,
      ),
    );
  });

  it("cuts within the run of one weight that passes the cap", () => {
    const runs = `(sun:2) ${Array(PROMPT_TOKENS_MAX).fill("sun").join(" ")} (sun:3)`;
    const { t5, weights } = tokenizePrompt(TOKENIZERS, runs);
    expect(t5).toHaveLength(PROMPT_TOKENS_MAX + 1);
    expect(weights?.t5).toEqual([2, ...Array(PROMPT_TOKENS_MAX).fill(1)]);
  });
});
