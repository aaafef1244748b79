import { describe, expect, test } from "vitest";
import { createPromptCache, type EncodedPrompt, PROMPT_TOKENS_CACHED_MAX } from "./prompt-cache.js";

function prompt(tokens = 1): EncodedPrompt {
  return {
    conditioning: { tokens, width: 0, context: new Float32Array(), pooled: new Float32Array() },
    notes: [],
  };
}

describe("createPromptCache()", () => {
  test("drops the prompt that was used the longest ago", () => {
    const cache = createPromptCache(2);
    cache.set("a", prompt());
    cache.set("b", prompt());
    cache.get("a");
    cache.set("c", prompt());
    expect(["a", "b", "c"].map((text) => cache.get(text) !== undefined)).toEqual([true, false, true]);
  });

  test("keeps a prompt at the token cap and none past it", () => {
    const cache = createPromptCache();
    cache.set("at", prompt(PROMPT_TOKENS_CACHED_MAX));
    cache.set("past", prompt(PROMPT_TOKENS_CACHED_MAX + 1));
    expect(cache.get("at")).toBeDefined();
    expect(cache.get("past")).toBeUndefined();
  });
});
