import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

/** Sources that are shipped. */
const folder = new URL(".", import.meta.url);
const sources = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));

describe("the client in a browser", () => {
  test.each(sources)("%s imports nothing of Node, and of the contract types alone", (name) => {
    const text = readFileSync(new URL(name, folder), "utf8");
    expect(text).not.toMatch(/from "node:/);
    for (const [statement] of text.matchAll(/import (?!type)[^;]*;/g)) {
      expect(statement).not.toContain("@latentfarm/");
    }
    expect(text).not.toMatch(/\b(Buffer|process|require|setImmediate)\b[.(]/);
  });
});
