import { createS3Store } from "@latentfarm/storage/s3";
import { describe, expect, it } from "vitest";
import { useBuckets } from "./buckets.js";

const { isMissing, newBucket } = useBuckets();
const KEY = "jobs/a/0.png";
const ANSWER = { disposition: 'inline; filename="a-0.png"' };

describe.skipIf(isMissing)("sign() of a bucket", () => {
  it("gives a URL that needs no key, for so long and for one object", async () => {
    const settings = await newBucket({ presignSeconds: 60, prefix: "farm/" });
    const store = createS3Store(settings);
    await store.put(KEY, Buffer.from("abc"), { contentType: "image/png", metadata: { note: "secret" } });
    const signed = await store.sign(KEY, ANSWER);
    const url = String(signed?.url);
    const answer = await fetch(url);
    expect(await answer.text()).toBe("abc");
    expect(answer.headers.get("content-type")).toBe("image/png");
    expect(answer.headers.get("content-disposition")).toBe(ANSWER.disposition);
    expect((await fetch(url.replace("0.png", "1.png"))).status).toBe(403);
    expect(Number(signed?.expiresMs) - Date.now()).toBeGreaterThan(0);
    expect(Number(signed?.expiresMs) - Date.now()).toBeLessThanOrEqual(60_000);
  });

  it("gives one of the name by which readers reach the server, which no other name opens", async () => {
    const settings = await newBucket();
    const named = String(settings.endpoint).replace("127.0.0.1", "localhost");
    const store = createS3Store({ ...settings, publicEndpoint: named });
    await store.put(KEY, Buffer.from("abc"), { contentType: "image/png", metadata: {} });
    const url = String((await store.sign(KEY, ANSWER))?.url);
    expect(url.startsWith(`${named}/`)).toBe(true);
    expect(await (await fetch(url)).text()).toBe("abc");
    expect((await fetch(url.replace("localhost", "127.0.0.1"))).status).toBe(403);
  });

  it("gives one that is refused once its time is over", async () => {
    const settings = await newBucket({ presignSeconds: 60 });
    const earlier = createS3Store(settings, { nowMs: () => Date.now() - 61_000 });
    await earlier.put(KEY, Buffer.from("abc"), { contentType: "image/png", metadata: {} });
    const signed = await earlier.sign(KEY, ANSWER);
    expect(Number(signed?.expiresMs)).toBeLessThan(Date.now());
    expect((await fetch(String(signed?.url))).status).toBe(403);
  });
});
