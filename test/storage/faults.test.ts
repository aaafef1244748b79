import { createStore, type ObjectStore, type S3Settings } from "@latentfarm/storage";
import { createS3Store } from "@latentfarm/storage/s3";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { S3_CREDENTIALS, startTcpProxy } from "../harness/index.js";
import { TEST_LIMITS, useBuckets } from "./buckets.js";
import { type S3Proxy, startS3Proxy } from "./s3-proxy.js";

const { isMissing, server, newBucket } = useBuckets();

const KEY = "jobs/a/0.png";
const INFO = { contentType: "image/png", metadata: { attempt: "1" } };
/** Larger than what sockets buffer, so that a cut falls into the middle. */
const BYTES = new Uint8Array(2_000_000).map((_, i) => (i * i) % 251);
/** Tries of one call, as `S3_LIMITS` has them. */
const TRIES = 3;
const SLOW_DOWN = { kind: "error", status: 503, code: "SlowDown" } as const;

let proxy: S3Proxy;
let settings: S3Settings;
let store: ObjectStore;
/** The same bucket without the proxy. */
let truth: ObjectStore;

const storeOf = (of: S3Settings): ObjectStore => createS3Store(of, { limits: TEST_LIMITS });

beforeEach(async () => {
  settings = await newBucket();
  proxy = await startS3Proxy(server().port);
  store = storeOf({ ...settings, endpoint: proxy.endpoint });
  truth = storeOf(settings);
});
afterEach(async () => {
  vi.useRealTimers();
  await proxy[Symbol.asyncDispose]();
});

describe.skipIf(isMissing)("createS3Store() where requests fail", () => {
  it("put() and get() go on after two refusals for load", async () => {
    proxy.fail("PUT", SLOW_DOWN, TRIES - 1);
    await store.put(KEY, BYTES, INFO);
    proxy.fail("GET", SLOW_DOWN, TRIES - 1);
    expect((await store.get(KEY))?.size).toBe(BYTES.length);
  });

  it("put() says that the store asks for fewer requests, after as many tries as it has", async () => {
    proxy.fail("PUT", SLOW_DOWN, TRIES);
    await expect(store.put(KEY, BYTES, INFO)).rejects.toMatchObject({
      code: "store_unavailable",
      message: "Cannot write jobs/a/0.png as it asks for fewer requests: code is SlowDown",
    });
    expect(proxy.requests).toHaveLength(TRIES);
    expect(await truth.head(KEY)).toBeUndefined();
  });

  it("put() whose connection breaks in mid body leaves the old object, then the new one", async () => {
    await truth.put(KEY, Buffer.from("old"), INFO);
    proxy.fail("PUT", { kind: "cut-request" }, TRIES);
    await expect(store.put(KEY, BYTES, INFO)).rejects.toMatchObject({ code: "store_unavailable" });
    expect(Buffer.from((await truth.get(KEY))?.bytes ?? []).toString()).toBe("old");
    proxy.fail("PUT", { kind: "cut-request" });
    await store.put(KEY, BYTES, INFO);
    expect((await truth.get(KEY))?.size).toBe(BYTES.length);
  });

  it("get() reads again what broke in mid body, and gives no part of it", async () => {
    await truth.put(KEY, BYTES, INFO);
    proxy.fail("GET", { kind: "cut-body" }, TRIES - 1);
    expect(Buffer.compare(Buffer.from((await store.get(KEY))?.bytes ?? []), BYTES)).toBe(0);
    proxy.fail("GET", { kind: "cut-body" }, TRIES);
    await expect(store.get(KEY)).rejects.toMatchObject({ code: "store_unavailable" });
  });

  it("put() that arrives while its answer is lost is tried again, and is there whatever is said of it", async () => {
    proxy.fail("PUT", { kind: "cut-answer" });
    await store.put(KEY, BYTES, INFO);
    expect(proxy.requests).toHaveLength(2);
    proxy.fail("PUT", { kind: "cut-answer" }, TRIES);
    await expect(store.put("jobs/a/1.png", BYTES, INFO)).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await truth.head("jobs/a/1.png")).toMatchObject({ size: BYTES.length, metadata: INFO.metadata });
  });
});

describe.skipIf(isMissing)("createS3Store() where the line or a clock is bad", () => {
  it("put() and get() are right on a slow line, and end on a silent one", async () => {
    await using line = await startTcpProxy(server().port);
    const slow = storeOf({ ...settings, endpoint: `http://127.0.0.1:${line.port}` });
    line.set("answers", { delayMs: 300 });
    await slow.put(KEY, BYTES, INFO);
    expect((await slow.get(KEY))?.size).toBe(BYTES.length);
    line.set("answers", { mode: "hold" });
    const startMs = performance.now();
    await expect(slow.head(KEY)).rejects.toMatchObject({ code: "store_unavailable" });
    expect(performance.now() - startMs).toBeLessThan((TEST_LIMITS.callMs ?? 0) + 2_000);
    line.heal();
    line.reset();
    expect((await slow.head(KEY))?.size).toBe(BYTES.length);
  });

  it("works with a clock that is an hour off, and names the clocks where the store insists", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 3_600_000 });
    await store.put(KEY, BYTES, INFO);
    expect((await store.get(KEY))?.size).toBe(BYTES.length);
    const signed = await store.sign(KEY, { disposition: "inline" });
    expect((await fetch(String(signed?.url))).status).toBe(200);
    vi.useRealTimers();
    proxy.fail("PUT", { kind: "error", status: 403, code: "RequestTimeTooSkewed" }, TRIES);
    await expect(store.put(KEY, BYTES, INFO)).rejects.toMatchObject({
      code: "store_unavailable",
      message: expect.stringContaining("the clocks of this machine and of the store differ"),
    });
  });
});

describe.skipIf(isMissing)("createS3Store() where its settings are wrong", () => {
  it("identify() tells what only a person can mend, and names the setting", async () => {
    const denied = { kind: "error", status: 403, code: "AccessDenied" } as const;
    proxy.fail("GET", denied);
    await expect(store.identify()).rejects.toMatchObject({
      code: "config_invalid",
      message:
        "Cannot identify store-id as the credentials may not do this in FARM_S3_BUCKET: code is AccessDenied",
    });
    proxy.fail("HEAD", denied);
    await expect(store.head(KEY)).rejects.toMatchObject({ code: "store_unavailable" });
    const missing = storeOf({ ...settings, bucket: "no-such-bucket" });
    const noBucket = { message: expect.stringContaining("FARM_S3_BUCKET names no bucket") };
    await expect(missing.identify()).rejects.toMatchObject({ code: "config_invalid", ...noBucket });
    await expect(missing.put(KEY, BYTES, INFO)).rejects.toMatchObject({
      code: "store_unavailable",
      ...noBucket,
    });
    expect((await store.identify()).id).toBe((await truth.identify()).id);
  });

  it("identify() refuses wrong credentials, and says nothing of them", async () => {
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "wrong-secret");
    const refusal = await storeOf(settings)
      .identify()
      .catch((error: unknown) => error);
    vi.unstubAllEnvs();
    expect(refusal).toMatchObject({ code: "config_invalid" });
    expect(String(refusal)).toContain("the credentials are wrong or have expired");
    expect(String(refusal)).not.toContain("wrong-secret");
    expect(String(refusal)).not.toContain(S3_CREDENTIALS.AWS_ACCESS_KEY_ID);
  });

  it("a server that is not there is store_unavailable at once", async () => {
    await using gone = await startTcpProxy(server().port);
    gone.accept("refuse");
    const away = await createStore(
      { kind: "s3", s3: { ...settings, endpoint: `http://127.0.0.1:${gone.port}` } },
      TEST_LIMITS,
    );
    await expect(away.head(KEY)).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(away.identify()).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(async () => {
      for await (const _ of away.list("jobs")) expect.unreachable();
    }).rejects.toMatchObject({ code: "store_unavailable" });
  });
});
