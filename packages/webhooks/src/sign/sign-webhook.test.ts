import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { signWebhook } from "./sign-webhook.js";
import { createWebhookSecret } from "./webhook-secret.js";

const secretOf = (fill: number, size = 32) => `whsec_${Buffer.alloc(size, fill).toString("base64")}`;
const sign = (over: Partial<Parameters<typeof signWebhook>[0]> = {}) =>
  signWebhook({ id: "msg_1", timestampSeconds: 1_614_265_330, body: "{}", secrets: [secretOf(1)], ...over });

describe("signWebhook()", () => {
  test("signWebhook() agrees with the published library on any body, id and time", () => {
    const ids = fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/);
    const keys = fc.uint8Array({ minLength: 24, maxLength: 64 });
    fc.assert(
      fc.property(
        ids,
        fc.nat(4_000_000_000),
        fc.string({ unit: "binary" }),
        keys,
        (id, timestampSeconds, body, key) => {
          const secret = `whsec_${Buffer.from(key).toString("base64")}`;
          const theirs = new Webhook(secret).sign(id, new Date(timestampSeconds * 1_000), body);
          expect(sign({ id, timestampSeconds, body, secrets: [secret] })["webhook-signature"]).toBe(theirs);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("signWebhook() signs with every secret, newest first", () => {
    const both = sign({ secrets: [secretOf(1), secretOf(2)] })["webhook-signature"].split(" ");
    expect(both).toEqual([
      sign({ secrets: [secretOf(1)] })["webhook-signature"],
      sign({ secrets: [secretOf(2)] })["webhook-signature"],
    ]);
  });

  test("signWebhook() gives the id and the time as headers", () => {
    expect(sign()).toMatchObject({ "webhook-id": "msg_1", "webhook-timestamp": "1614265330" });
  });

  test.each([
    ["an id with a full stop", { id: "a.b" }],
    ["no id", { id: "" }],
    ["a broken second", { timestampSeconds: 1.5 }],
    ["a time before 1970", { timestampSeconds: -1 }],
    ["no secret", { secrets: [] }],
    ["a secret of 23 bytes", { secrets: [secretOf(1, 23)] }],
    ["a secret of 65 bytes", { secrets: [secretOf(1, 65)] }],
    ["a secret without its prefix", { secrets: [secretOf(1).slice(6)] }],
    ["a secret that is no base64", { secrets: ["whsec_!!!!"] }],
  ])("signWebhook() refuses %s", (_what, over) => {
    expect(() => sign(over)).toThrow(/^Cannot/);
  });

  test("signWebhook() takes secrets of 24 and 64 bytes, and repeats none that it refuses", () => {
    expect(() => sign({ secrets: [secretOf(1, 24), secretOf(1, 64)] })).not.toThrow();
    const secret = secretOf(7, 23);
    expect(() => sign({ secrets: [secret] })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(secret.slice(6, 12)) }),
    );
  });
});

describe("createWebhookSecret()", () => {
  test("createWebhookSecret() is whsec_ and the base64 of 32 bytes of the given source", () => {
    expect(createWebhookSecret((size) => new Uint8Array(size).fill(5))).toBe(secretOf(5));
  });

  test("createWebhookSecret() gives another each time by itself", () => {
    const secrets = Array.from({ length: 100 }, () => createWebhookSecret());
    expect(new Set(secrets).size).toBe(100);
  });
});
