import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { redisUrlOf } from "./redis-url.js";

const dir = mkdtempSync(join(tmpdir(), "latentfarm-redis-url-"));
afterAll(() => rmSync(dir, { recursive: true }));

function fileOf(text: string): string {
  const file = join(dir, `password-${text.length}`);
  writeFileSync(file, text);
  return file;
}

const urlWith = (password: string, url = "redis://redis:6379") =>
  redisUrlOf({ FARM_REDIS_URL: url, FARM_REDIS_PASSWORD_FILE: fileOf(password) });

describe("redisUrlOf()", () => {
  it("redisUrlOf() gives the URL as it is where no file is named", () => {
    const none = { FARM_REDIS_PASSWORD_FILE: undefined };
    expect(redisUrlOf({ ...none, FARM_REDIS_URL: "redis://:pw@host" })).toBe("redis://:pw@host");
    expect(redisUrlOf({ ...none, FARM_REDIS_URL: undefined })).toBeUndefined();
  });

  it("redisUrlOf() puts the file's password into the URL, without its line end and whatever it is made of", () => {
    expect(urlWith("secret\n")).toBe("redis://:secret@redis:6379");
    expect(urlWith("secret\r\n", "rediss://farm@host/3")).toBe("rediss://farm:secret@host/3");
    const password = "a/b:c@d%25 #?ü";
    expect(decodeURIComponent(new URL(urlWith(password) ?? "").password)).toBe(password);
  });

  it("redisUrlOf() refuses a file that is absent, empty or too large, and tells nothing of what it holds", () => {
    expect(() => urlWith("\n")).toThrow("FARM_REDIS_PASSWORD_FILE is empty");
    expect(urlWith("x".repeat(1_024))).toContain("x".repeat(1_024));
    expect(() => urlWith("x".repeat(1_025))).toThrow(/FARM_REDIS_PASSWORD_FILE is larger than 1024 bytes$/);
    const absent = { FARM_REDIS_URL: "redis://redis", FARM_REDIS_PASSWORD_FILE: join(dir, "absent") };
    expect(() => redisUrlOf(absent)).toThrow("cannot be read: code is ENOENT");
  });

  it("redisUrlOf() refuses two passwords, and one without a Redis", () => {
    expect(() => urlWith("a", "redis://:b@redis")).toThrow("FARM_REDIS_URL has a password too");
    const alone = { FARM_REDIS_URL: undefined, FARM_REDIS_PASSWORD_FILE: fileOf("a") };
    expect(() => redisUrlOf(alone)).toThrow("FARM_REDIS_URL is absent");
  });
});
