import { expect, test } from "vitest";
import { formatPicture } from "./format-picture.js";

test("formatPicture() shows what is there, each control character by its number", () => {
  const text = formatPicture("a.png", {
    format: "png",
    width: 64,
    height: 48,
    bytes: 1000,
    source: "comfyui",
    fields: { prompt: "a sun\n\u001b]0;x\u0007 \u202emoon", seed: "7", width: 64, height: 48, strength: 0.5 },
    missed: ["node LoraLoader"],
    texts: ["prompt"],
  });
  expect(text.split("\n").slice(1)).toEqual([
    "  prompt     a sun",
    "             \\u{1b}]0;x\\u{7} \\u{202e}moon",
    "  seed       7",
    "  size       64x48",
    "  strength   0.5",
    expect.stringContaining("node LoraLoader"),
  ]);
});
