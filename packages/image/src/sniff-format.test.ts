import { describe, expect, it } from "vitest";
import { sniffFormat } from "./sniff-format.js";

describe("sniffFormat()", () => {
  it.each([
    ["png", "89504e470d0a1a0a00"],
    ["jpeg", "ffd8ffe0"],
    ["webp", "52494646aabbccdd57454250"],
    [undefined, "52494646aabbccdd57415645"],
    [undefined, "89504e470d0a1a"],
    [undefined, "474946383961"],
    [undefined, ""],
  ])("sees %s in %s", (format, hex) => {
    expect(sniffFormat(Buffer.from(hex, "hex"))).toBe(format);
  });
});
