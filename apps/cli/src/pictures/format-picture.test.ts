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

test.each([
  ["trusted", [], "as it was signed, by a signer whom the authorities vouch for"],
  ["invalid", ["assertion.dataHash.mismatch"], "CHANGED since it was signed, or signed wrongly: assertion"],
  ["unreadable", ["broken"], "BROKEN, nothing of them can be believed: broken"],
] as const)(
  "formatPicture() tells Content Credentials that are %s, by whose name",
  (state, problems, text) => {
    const size = { format: "png", width: 64, height: 48, bytes: 1000 } as const;
    const credentials = {
      state,
      problems,
      signer: "A\u001b",
      issuer: "B",
      generator: "C 1",
      sourceTypes: [],
    };
    const nothing = { source: "none", fields: {}, missed: [], texts: [] } as const;
    const lines = formatPicture("a.png", { ...size, ...nothing, credentials }).split("\n");
    expect(lines[1]).toBe("  signed by  A\\u{1b} (B) with C 1");
    expect(lines[2]).toContain(text);
  },
);
