import type { Conditioning } from "@latentfarm/sd35";

/**
 * Encoded prompts that are kept: the negative prompt of everybody, and the prompts of the jobs in flight. One takes
 * 2.5 MB with SD3.5's 154 tokens of 4096 values, so 32 take 80 MB.
 */
export const PROMPTS_CACHED_MAX = 32;

/**
 * Tokens of a prompt that is kept. A prompt at the tokenizer's cap would take some 80 MB by itself; it is rare and
 * its encoding a small part of its frame.
 */
export const PROMPT_TOKENS_CACHED_MAX = 1024;

/** An encoded prompt with what the reader should know about it. */
export interface EncodedPrompt {
  readonly conditioning: Conditioning;
  readonly notes: readonly string[];
}

/** Keeps the most recently used prompts. */
export interface PromptCache {
  get(text: string): EncodedPrompt | undefined;
  set(text: string, prompt: EncodedPrompt): void;
}

/** Makes an empty cache of at most `max` prompts. */
export function createPromptCache(max: number = PROMPTS_CACHED_MAX): PromptCache {
  const prompts = new Map<string, EncodedPrompt>();

  function touch(text: string, prompt: EncodedPrompt): void {
    prompts.delete(text);
    prompts.set(text, prompt);
  }

  return {
    get: (text) => {
      const prompt = prompts.get(text);
      if (prompt !== undefined) touch(text, prompt);
      return prompt;
    },
    set: (text, prompt) => {
      if (prompt.conditioning.tokens > PROMPT_TOKENS_CACHED_MAX) return;
      touch(text, prompt);
      const [oldest] = prompts.keys();
      if (prompts.size > max && oldest !== undefined) prompts.delete(oldest);
    },
  };
}
