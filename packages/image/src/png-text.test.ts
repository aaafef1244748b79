import { describe, expect, it } from "vitest";
import { insertTexts } from "./png-text.js";

describe("insertTexts()", () => {
  it("refuses what is no PNG", () => {
    expect(() => insertTexts(new Uint8Array(40), [["parameters", "x"]])).toThrow(RangeError);
    expect(() => insertTexts(new Uint8Array(0), [["parameters", "x"]])).toThrow(RangeError);
  });

  it("writes the chunk after the header with its check sum", () => {
    const header = Buffer.from("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de", "hex");
    const chunk = Buffer.from(insertTexts(header, [["Title", "x"]])).subarray(header.length);
    expect(chunk.toString("hex")).toBe(`00000007${Buffer.from("tEXtTitle\0x").toString("hex")}297e4d3a`);
  });
});
