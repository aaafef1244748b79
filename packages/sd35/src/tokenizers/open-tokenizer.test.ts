import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FarmError } from "@latentfarm/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openClipTokenizer } from "./clip-tokenizer.js";
import { openT5Tokenizer } from "./t5-tokenizer.js";

const MODEL = fileURLToPath(new URL("../../../demo-model/model/", import.meta.url));
const PROMPTS = ["a yellow sun over blue mountains", "UPPER  café\tñ", "don't, 12 x3!", "日本 🎹", ""];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "latentfarm-tokenizer-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Puts a JSON value or a text into the folder. */
function put(name: string, content: unknown): void {
  writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
}

function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(MODEL, path), "utf8"));
}

function expectInvalid(open: () => unknown, message: RegExp): void {
  expect(open).toThrow(message);
  expect(open).toThrow(expect.objectContaining({ code: "model_invalid" }));
  expect(open).toThrow(FarmError);
}

describe("openClipTokenizer()", () => {
  const open = () => openClipTokenizer(folder, "clip_l");

  it("splits unknown words into bytes and keeps known ones whole", () => {
    const { encode } = openClipTokenizer(join(MODEL, "tokenizer"), "clip_l");
    expect(encode("a yellow sun over blue mountains")).toEqual([353, 655, 647, 626, 569, 619]);
    expect(encode("  A\n\tYELLOW   Sun ")).toEqual([353, 655, 647]);
    expect(encode("é")).toHaveLength(2); // two bytes of UTF-8
    expect(encode("e\u0301")).toEqual(encode("é"));
  });

  it("reads special tokens in a prompt as such, but not the padding token", () => {
    const { encode, eos } = openClipTokenizer(join(MODEL, "tokenizer_2"), "clip_g");
    expect(encode("sun<|endoftext|>sun")).toEqual([647, eos, 647]);
    expect(encode("!")).not.toEqual([33]); // "!" ends a word: it is "!</w>"
  });

  it("reads tokenizer.json to the same ids, in both forms of merges", () => {
    const slow = openClipTokenizer(join(MODEL, "tokenizer"), "clip_l");
    const vocab = readJson("tokenizer/vocab.json");
    const merges = readFileSync(join(MODEL, "tokenizer/merges.txt"), "utf8").trim().split("\n").slice(1);
    for (const form of [merges, merges.map((line) => line.split(" "))]) {
      put("tokenizer.json", { model: { type: "BPE", vocab, merges: form } });
      for (const prompt of PROMPTS) expect(open().encode(prompt)).toEqual(slow.encode(prompt));
    }
  });

  it("rejects an empty folder and a folder that is missing", () => {
    expectInvalid(open, /neither tokenizer\.json nor vocab\.json/);
    expectInvalid(() => openClipTokenizer(join(folder, "nowhere"), "clip_l"), /neither/);
  });

  it.each([
    ["text that is no JSON", "{", /content is not JSON/],
    ["a list", "[]", /no JSON object/],
    ["an id that is no number", { a: "1" }, /token id is "1"/],
    ["a negative id", { a: -1 }, /token id is -1/],
    ["a huge id", { a: 300_000 }, /token id is 300000/],
    ["an empty vocabulary", {}, /length of the vocabulary is 0/],
    ["no special tokens", { a: 0 }, /"<\|startoftext\|>" is missing/],
  ])("rejects a vocabulary with %s", (_, vocab, message) => {
    put("vocab.json", vocab);
    put("merges.txt", "#version: 0.2\na b\n");
    expectInvalid(open, message);
  });

  it("rejects merges that are no pairs", () => {
    put("vocab.json", { a: 0 });
    put("merges.txt", "#version: 0.2\na b c\n");
    expectInvalid(open, /merge 0 is no pair/);
  });

  it("rejects bytes that are no UTF-8 and a folder in a file's place", () => {
    writeFileSync(join(folder, "vocab.json"), Uint8Array.of(0xff, 0xfe));
    expectInvalid(open, /not readable UTF-8/);
    rmSync(join(folder, "vocab.json"));
    mkdirSync(join(folder, "vocab.json"));
    expectInvalid(open, /kind is not a file/);
  });

  it("rejects T5's tokenizer in its place", () => {
    cpSync(join(MODEL, "tokenizer_3/tokenizer.json"), join(folder, "tokenizer.json"));
    expectInvalid(open, /model is not BPE/);
  });
});

describe("openT5Tokenizer()", () => {
  const open = () => openT5Tokenizer(folder);
  const standard = readJson("tokenizer_3/tokenizer.json");

  it("keeps known words whole and fuses what it does not know", () => {
    const { encode, eos, pad } = openT5Tokenizer(join(MODEL, "tokenizer_3"));
    expect(encode("a yellow sun over blue mountains")).toEqual([3, 57, 49, 36, 12, 29]);
    expect(encode("🎹🎹").filter((id) => id === 2)).toHaveLength(1);
    expect([eos, pad]).toEqual([1, 0]);
  });

  it("rejects a folder without tokenizer.json", () => {
    expectInvalid(open, /tokenizer\.json is missing/);
  });

  it.each([
    ["another model", { model: { type: "BPE" } }, /model is not Unigram/],
    ["a vocabulary that is no list", { model: { type: "Unigram", vocab: {} } }, /no list of piece/],
    ["a piece without score", { model: { type: "Unigram", vocab: [["a"]] } }, /entry 0 is no pair/],
    ["an unknown id", { model: { type: "Unigram", vocab: [["a", 0]], unk_id: 1 } }, /unk_id is 1/],
    ["a step of no known kind", { normalizer: { type: "Evil" } }, /step is "Evil"/],
    [
      "a regular expression of its own",
      { normalizer: { type: "Replace", pattern: { Regex: "(a+)+$" }, content: "" } },
      /pattern of Replace/,
    ],
    ["steps nested too deep", { normalizer: nested(6) }, /nested too deep/],
    ["added tokens without content", { added_tokens: [{ id: 1 }] }, /added token 0/],
  ])("rejects %s", (_, change, message) => {
    put("tokenizer.json", { ...standard, ...change });
    expectInvalid(open, message);
  });

  function nested(depth: number): unknown {
    return depth === 0 ? { type: "NFC" } : { type: "Sequence", normalizers: [nested(depth - 1)] };
  }
});
