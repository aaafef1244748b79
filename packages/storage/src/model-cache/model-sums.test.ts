import { describe, expect, it } from "vitest";
import { formatSums, parseSums } from "./model-sums.js";

const HASH = "0123456789abcdef".repeat(4);
const line = (path: string): string => `${HASH}  ${path}\n`;

describe("parseSums()", () => {
  it("parseSums() reads what sha256sum writes, of text and of binary files", () => {
    const text = `${HASH}  a/b c.safetensors\r\n${HASH} *model.json\n`;
    expect(parseSums(text)).toEqual([
      { path: "a/b c.safetensors", sha256: HASH },
      { path: "model.json", sha256: HASH },
    ]);
  });

  it("parseSums() takes the names that checkpoint files have", () => {
    for (const path of [
      "checkpoints/sd3.5_large_fp8_scaled.safetensors",
      "text_encoders/t5xxl_fp8_e4m3fn (1).safetensors",
      "loras/film [v2],grain@0.5+x=1.safetensors",
      `${"d/".repeat(7)}f`,
      "a".repeat(200),
    ]) {
      expect(parseSums(line(path))).toHaveLength(1);
    }
  });

  it("parseSums() refuses what could leave the folder, hide in it or be no file", () => {
    for (const path of [
      "../x",
      "a/../../x",
      "/etc/passwd",
      "a//b",
      "a/",
      "./a",
      ".hidden",
      "a/.latentfarm-model.json",
      "-rf",
      " a",
      "a ",
      "a.",
      "a\\b",
      "C:x",
      "a\tb",
      "a\u0000b",
      "a\u007fb",
      "a\u202eb",
      "é",
      "NUL",
      "con.txt",
      "a/COM1.safetensors",
      "a".repeat(201),
      `${"d/".repeat(8)}f`,
      `${"a".repeat(199)}/${"b".repeat(199)}/${"c".repeat(199)}`,
    ]) {
      expect(() => parseSums(line(path)), path).toThrow();
    }
  });

  it("parseSums() refuses names that some file systems take for one, and itself", () => {
    expect(() => parseSums(line("a/B") + line("A/b"))).toThrow("twice");
    expect(() => parseSums(line("a") + line("a/b"))).toThrow("folder");
    expect(() => parseSums(line("sha256sums"))).toThrow("itself");
  });

  it("parseSums() refuses what is no list of checksums", () => {
    for (const text of [
      "",
      "\n",
      "abc  a\n",
      `${HASH} a\n`,
      `${HASH.toUpperCase()}  a\n`,
      `\\${HASH}  a\\nb\n`,
      "<html>",
    ]) {
      expect(() => parseSums(text)).toThrow();
    }
    expect(() => parseSums(Array.from({ length: 4_097 }, (_, i) => line(`f${i}`)).join(""))).toThrow("4097");
  });

  it("formatSums() writes what parseSums() reads, sorted", () => {
    const sums = [
      { path: "b", sha256: HASH },
      { path: "a/c", sha256: HASH },
    ];
    expect(parseSums(formatSums(sums))).toEqual([...sums].reverse());
  });
});
