import { parseApiKey } from "@latentfarm/contract";
import { expect, test } from "vitest";
import { makeKey, matchesDigest } from "./key-secret.js";

const counting = (first: number) => (count: number) =>
  Uint8Array.from({ length: count }, (_, i) => (first + i) % 256);

test("makeKey() makes what parseApiKey() takes, whatever the bytes", () => {
  for (let first = 0; first < 256; first++) {
    const { id, key } = makeKey(counting(first));
    expect(parseApiKey(key)).toMatchObject({ id });
  }
});

test("makeKey() gives each of the 32 characters to eight bytes", () => {
  const seen = new Map<string, number>();
  for (let byte = 0; byte < 256; byte++) {
    const char = makeKey((count) => new Uint8Array(count).fill(byte)).id.charAt(0);
    seen.set(char, (seen.get(char) ?? 0) + 1);
  }
  expect([...seen.keys()].sort().join("")).toBe("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
  expect(new Set(seen.values())).toEqual(new Set([8]));
});

test("matchesDigest() takes the secret and no other text", () => {
  const { key, digest } = makeKey(counting(7));
  const secret = parseApiKey(key)?.secret ?? "";
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(matchesDigest(secret, digest)).toBe(true);
  expect(matchesDigest(secret.toLowerCase(), digest)).toBe(false);
  expect(matchesDigest(digest, digest)).toBe(false);
  expect(matchesDigest(secret, digest.slice(2))).toBe(false);
  expect(matchesDigest(secret, "")).toBe(false);
});
