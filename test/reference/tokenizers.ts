import { existsSync } from "node:fs";
import path from "node:path";
import { openClipTokenizer, openT5Tokenizer } from "@latentfarm/sd35";
import { describe, expect, it } from "vitest";
import { readJson } from "./sources.js";

interface ExpectedIds {
  readonly prompt: string;
  readonly clip: readonly number[];
  readonly t5: readonly number[];
}

/** Token ids, without start, end and padding, of every prompt in expected.json; both CLIP folders give the same. */
export function describeTokenizers(dir: string): void {
  const file = path.join(dir, "expected.json");
  if (!existsSync(file)) return;
  const cases = readJson<readonly ExpectedIds[]>(file);
  const opened = {
    clip_l: openClipTokenizer(path.join(dir, "tokenizer"), "clip_l"),
    clip_g: openClipTokenizer(path.join(dir, "tokenizer_2"), "clip_g"),
    t5: openT5Tokenizer(path.join(dir, "tokenizer_3")),
  };
  describe("token ids", () => {
    it.each(cases.map((item) => [JSON.stringify(item.prompt), item] as const))("%s", (_, item) => {
      expect(opened.clip_l.encode(item.prompt)).toEqual(item.clip);
      expect(opened.clip_g.encode(item.prompt)).toEqual(item.clip);
      expect(opened.t5.encode(item.prompt)).toEqual(item.t5);
    });
  });
}
