import { createWebhookSecret, signWebhook } from "@latentfarm/webhooks";
import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { verifyWebhook, type WebhookVerification } from "./verify-webhook.js";

const NOW_SECONDS = 1_700_000_000;
const secretOf = (fill: number) => `whsec_${Buffer.alloc(32, fill).toString("base64")}`;
const BODY = '{"type":"job.succeeded","timestamp":"2023-11-14T22:13:20.000Z","sequence":7,"data":{"id":"é"}}';

/** A request signed by the farm. */
function signed(over: Partial<Parameters<typeof signWebhook>[0]> = {}): Record<string, string> {
  const given = { id: "msg_1", timestampSeconds: NOW_SECONDS, body: BODY, secrets: [secretOf(1)], ...over };
  return { ...signWebhook(given) };
}

const verify = (over: Partial<WebhookVerification> = {}) =>
  verifyWebhook({
    headers: signed(),
    body: BODY,
    secrets: [secretOf(1)],
    nowMs: () => NOW_SECONDS * 1_000,
    ...over,
  });
const codeOf = (verification: Promise<unknown>) =>
  verification.then(
    () => "ok",
    (error: { code?: string; name: string }) => error.code ?? error.name,
  );

describe("verifyWebhook()", () => {
  test("verifyWebhook() gives the payload of a webhook that the farm signed", async () => {
    expect(await verify()).toEqual(JSON.parse(BODY));
  });

  test("verifyWebhook() takes headers of any kind and case, and a body as bytes", async () => {
    const upper = Object.fromEntries(
      Object.entries(signed()).map(([name, value]) => [name.toUpperCase(), value]),
    );
    for (const headers of [new Headers(signed()), upper])
      expect(await codeOf(verify({ headers }))).toBe("ok");
    expect(await codeOf(verify({ body: new TextEncoder().encode(BODY) }))).toBe("ok");
  });

  test("verifyWebhook() accepts either secret on either side while one rotates", async () => {
    const [older, newer, other] = [secretOf(1), secretOf(2), secretOf(3)];
    const headers = signed({ secrets: [newer, older] });
    for (const secrets of [[older], [newer], [other, newer], [older, newer]]) {
      expect(await codeOf(verify({ headers, secrets }))).toBe("ok");
    }
    expect(await codeOf(verify({ headers, secrets: [other] }))).toBe("no_matching_signature");
    expect(await codeOf(verify({ secrets: [newer, older] }))).toBe("ok");
  });

  test("verifyWebhook() refuses a body, id or time that was not signed", async () => {
    const changed = [
      verify({ body: BODY.replace("7", "8") }),
      verify({ body: `${BODY} ` }),
      verify({ body: "" }),
      verify({ headers: { ...signed(), "webhook-id": "msg_2" } }),
      verify({ headers: { ...signed(), "webhook-timestamp": String(NOW_SECONDS + 1) } }),
    ];
    for (const verification of changed) expect(await codeOf(verification)).toBe("no_matching_signature");
  });

  test.each([
    "",
    "v1",
    "v1,",
    "v1,!!!!",
    "v1a,AAAA",
    "v2,AAAA",
    "v1,AAAA",
    Array.from({ length: 1_000 }, () => `v1,${"A".repeat(43)}=`).join(" "),
  ])("verifyWebhook() refuses the signature %j", async (signature) => {
    const code = await codeOf(verify({ headers: { ...signed(), "webhook-signature": signature } }));
    expect(code).toBe(signature === "" ? "missing_header" : "no_matching_signature");
  });

  test("verifyWebhook() passes over signatures of versions that it does not know", async () => {
    const { "webhook-signature": signature, ...rest } = signed();
    const headers = { ...rest, "webhook-signature": `v1a,AAAA v2,BBBB ${signature}` };
    expect(await codeOf(verify({ headers }))).toBe("ok");
  });

  test("verifyWebhook() accepts 300 seconds either way and refuses 301", async () => {
    const at = (seconds: number) =>
      codeOf(verify({ headers: signed({ timestampSeconds: NOW_SECONDS + seconds }) }));
    expect(await Promise.all([at(-300), at(300)])).toEqual(["ok", "ok"]);
    expect(await Promise.all([at(-301), at(301)])).toEqual(["timestamp_too_old", "timestamp_too_new"]);
    const narrow = verify({ headers: signed({ timestampSeconds: NOW_SECONDS - 2 }), toleranceSeconds: 1 });
    expect(await codeOf(narrow)).toBe("timestamp_too_old");
  });

  test.each(["", "soon", "-1", "1.5", "1e9", " 1700000000", "1700000000x", "9".repeat(20)])(
    "verifyWebhook() refuses the time %j",
    async (timestamp) => {
      const code = await codeOf(verify({ headers: { ...signed(), "webhook-timestamp": timestamp } }));
      expect(code).toBe(timestamp === "" ? "missing_header" : "bad_timestamp");
    },
  );

  test.each(["webhook-id", "webhook-timestamp", "webhook-signature"])(
    "verifyWebhook() refuses a request without %s, or with two",
    async (name) => {
      const { [name]: value = "", ...rest } = signed();
      expect(await codeOf(verify({ headers: rest }))).toBe("missing_header");
      expect(await codeOf(verify({ headers: { ...rest, [name]: [value, value] } }))).toBe("missing_header");
    },
  );

  test("verifyWebhook() refuses a signed body that is no JSON", async () => {
    expect(await codeOf(verify({ body: "{", headers: signed({ body: "{" }) }))).toBe("bad_body");
  });

  test.each([[[]], [["nothing"]], [["whsec_"]], [["whsec_!!!!"]], [[secretOf(1), "whsec_A"]]])(
    "verifyWebhook() throws for the secrets %j and repeats none",
    async (secrets) => {
      await expect(verify({ secrets })).rejects.toThrow(TypeError);
      await expect(verify({ secrets })).rejects.toThrow(/^[^!]*$/);
    },
  );
});

/** Nothing of ours: the published library on one side, this farm on the other. */
describe("interoperability with standardwebhooks", () => {
  const nowSeconds = () => Math.floor(Date.now() / 1_000);
  const payloads = fc.jsonValue().map((data) => JSON.stringify({ type: "job.queued", data }));
  const secrets = fc.array(
    fc.constant(0).map(() => createWebhookSecret()),
    { minLength: 1, maxLength: 3 },
  );
  const ids = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);

  test("their sign(), our verifyWebhook(): any payload, id and secret", async () => {
    await fc.assert(
      fc.asyncProperty(payloads, ids, secrets, async (body, id, ours) => {
        const seconds = nowSeconds();
        const time = new Date(seconds * 1_000);
        const headers = {
          "webhook-id": id,
          "webhook-timestamp": String(seconds),
          "webhook-signature": ours.map((secret) => new Webhook(secret).sign(id, time, body)).join(" "),
        };
        for (const secret of ours) {
          expect(await verifyWebhook({ headers, body, secrets: [secret] })).toEqual(JSON.parse(body));
        }
      }),
      { numRuns: 50 },
    );
  });

  test("our signWebhook(), their verify(): any payload, id and secret, all of a rotation", () => {
    fc.assert(
      fc.property(payloads, ids, secrets, (body, id, ours) => {
        const headers = { ...signWebhook({ id, timestampSeconds: nowSeconds(), body, secrets: ours }) };
        for (const secret of ours) {
          expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
        }
      }),
      { numRuns: 50 },
    );
  });

  const cases: readonly (readonly [string, (headers: Record<string, string>) => void, string])[] = [
    ["untouched", () => undefined, BODY],
    ["another body", () => undefined, BODY.replace("7", "8")],
    ["another id", (headers) => Object.assign(headers, { "webhook-id": "msg_2" }), BODY],
    ["no id", (headers) => delete headers["webhook-id"], BODY],
    ["a cut signature", (headers) => Object.assign(headers, { "webhook-signature": "v1,AAAA" }), BODY],
    ["no signature", (headers) => delete headers["webhook-signature"], BODY],
    ["no time", (headers) => delete headers["webhook-timestamp"], BODY],
  ];

  test.each(cases)("both judge alike: %s", async (_what, change, body) => {
    const headers = signed({ timestampSeconds: nowSeconds() });
    change(headers);
    const theirs = await codeOf(Promise.resolve().then(() => new Webhook(secretOf(1)).verify(body, headers)));
    const ours = await codeOf(verifyWebhook({ headers, body, secrets: [secretOf(1)] }));
    expect(ours === "ok").toBe(theirs === "ok");
  });

  test.each([-400, -301, 301, 400, -200, 200])("both judge alike: %i seconds off", async (offset) => {
    const headers = signed({ timestampSeconds: nowSeconds() + offset });
    const theirs = await codeOf(Promise.resolve().then(() => new Webhook(secretOf(1)).verify(BODY, headers)));
    const ours = await codeOf(verifyWebhook({ headers, body: BODY, secrets: [secretOf(1)] }));
    expect(ours === "ok").toBe(theirs === "ok");
    expect(ours === "ok").toBe(Math.abs(offset) <= 300);
  });
});
