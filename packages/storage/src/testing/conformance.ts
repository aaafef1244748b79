import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ObjectInfo, ObjectStore } from "../object-store.js";

/** One promise of ObjectStore as a check; it fails by throwing. */
export interface StoreCase {
  readonly name: string;
  readonly check: (store: ObjectStore) => Promise<void>;
}

const PNG: ObjectInfo = { contentType: "image/png", metadata: { attempt: "1" } };
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Larger than every buffer and than the least part of a multipart upload. */
const LARGE_BYTES = 6_000_000;
/** Milliseconds that the clocks of a store and of its user may differ in a test. */
const CLOCK_MS_MAX = 300_000;

/** Keys that no store may take: they leave it, name its own folders, or mean different things on different backends. */
export const MALFORMED_KEYS: readonly string[] = [
  "",
  "/",
  "/etc/passwd",
  "..",
  "../a",
  "jobs/../../a",
  "jobs/./a",
  "jobs//a",
  "jobs/a/",
  ".info/a",
  "jobs/.tmp/a",
  "jobs\\a",
  "jobs/a\u0000b",
  "jobs/a b",
  "jobs/ä",
  "C:a",
  `jobs/${"a".repeat(200)}`,
  Array.from({ length: 300 }, () => "a").join("/"),
];

/** What every ObjectStore passes, whatever lies behind it. Each check wants a fresh, empty store. */
export const STORE_CASES: readonly StoreCase[] = [
  {
    name: "identify() gives one identity, also to callers at once",
    async check(store) {
      const ids = await Promise.all(Array.from({ length: 8 }, async () => (await store.identify()).id));
      assert.ok(ids[0]);
      assert.deepEqual(new Set([...ids, (await store.identify()).id]), new Set([ids[0]]));
    },
  },
  {
    name: "get() and head() give undefined for an absent key",
    async check(store) {
      assert.equal(await store.get("jobs/a/0.png"), undefined);
      assert.equal(await store.head("jobs/a/0.png"), undefined);
    },
  },
  {
    name: "get() gives back bytes, content type, metadata, size and hash",
    async check(store) {
      await store.put("jobs/a/0.png", bytesOf("abc"), PNG);
      const object = await store.get("jobs/a/0.png");
      assert.ok(object);
      const { bytes, ...head } = object;
      assert.deepEqual(new Uint8Array(bytes), bytesOf("abc"));
      // SHA-256 of "abc". Source: FIPS 180-2, appendix B.1.
      const sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
      assert.deepEqual(head, { ...PNG, size: 3, sha256 });
      assert.deepEqual(await store.head("jobs/a/0.png"), head);
    },
  },
  {
    name: "put() takes an object of no bytes",
    async check(store) {
      await store.put("empty", new Uint8Array(), { contentType: "text/plain", metadata: {} });
      assert.equal((await store.get("empty"))?.size, 0);
    },
  },
  {
    name: "put() replaces bytes and metadata together",
    async check(store) {
      await store.put("jobs/a/0.png", bytesOf("old"), PNG);
      await store.put("jobs/a/0.png", bytesOf("new"), { contentType: "image/webp", metadata: {} });
      const object = await store.get("jobs/a/0.png");
      assert.equal(new TextDecoder().decode(object?.bytes), "new");
      assert.equal(object?.contentType, "image/webp");
      assert.deepEqual(object?.metadata, {});
      await store.put("jobs/a/0.png", bytesOf("new"), PNG);
      assert.deepEqual((await store.head("jobs/a/0.png"))?.metadata, PNG.metadata);
    },
  },
  {
    name: "delete() removes an object, and takes one that is not there",
    async check(store) {
      await store.put("jobs/a/0.snapshot", bytesOf("old"), PNG);
      await store.put("jobs/a/0.snapshot", bytesOf("new"), PNG);
      await store.put("jobs/a/0.png", bytesOf("abc"), PNG);
      await store.delete("jobs/a/0.snapshot");
      await store.delete("jobs/a/0.snapshot");
      assert.equal(await store.get("jobs/a/0.snapshot"), undefined);
      assert.equal((await store.get("jobs/a/0.png"))?.size, 3);
      await store.put("jobs/a/0.snapshot", bytesOf("old"), PNG);
      assert.equal((await store.get("jobs/a/0.snapshot"))?.size, 3);
    },
  },
  {
    name: "put() keeps labels of every size and script",
    async check(store) {
      // 40 kB of hashes, which no compression makes small: S3 itself takes 2 KB of ASCII.
      const long = Array.from({ length: 600 }, (_, i) =>
        createHash("sha256").update(String(i)).digest("hex"),
      );
      for (const text of ["", 'naïve 日本語 \u{1f5bc} \n"', "a".repeat(8_000), long.join("")]) {
        const metadata = { result: text, attempt: "1" };
        await store.put("jobs/a/0.png", bytesOf("abc"), { contentType: "image/png", metadata });
        assert.deepEqual((await store.head("jobs/a/0.png"))?.metadata, metadata);
        assert.deepEqual((await store.get("jobs/a/0.png"))?.metadata, metadata);
      }
    },
  },
  {
    name: "put() takes a large object, and tags that it does not give back",
    async check(store) {
      const bytes = new Uint8Array(LARGE_BYTES).map((_, i) => (i * i) % 251);
      await store.put("jobs/a/0.png", bytes, { ...PNG, tags: { tenant: "acme-1" } });
      const object = await store.get("jobs/a/0.png");
      assert.equal(Buffer.compare(Buffer.from(object?.bytes ?? []), bytes), 0);
      assert.deepEqual(object?.metadata, PNG.metadata);
    },
  },
  {
    name: "list() names every object below a folder, and no other",
    async check(store) {
      assert.deepEqual(await keysOf(store, "jobs"), []);
      const keys = ["jobs/a/0.png", "jobs/a/job.json", "jobs/b/job.json"];
      for (const key of [...keys, "jobsite/0.png", "other"]) await store.put(key, bytesOf("abc"), PNG);
      await store.identify();
      assert.deepEqual(await keysOf(store, "jobs"), keys);
      assert.deepEqual(await keysOf(store, "jobs/a"), keys.slice(0, 2));
      for await (const object of store.list("jobs/b")) {
        assert.equal(object.size, 3);
        assert.ok(Math.abs(Date.now() - object.modifiedMs) < CLOCK_MS_MAX);
      }
    },
  },
  { name: "get() beside concurrent puts sees one whole object", check: checkConcurrentPuts },
  {
    name: "every method refuses malformed keys",
    async check(store) {
      for (const key of MALFORMED_KEYS) {
        await assert.rejects(store.put(key, bytesOf("a"), PNG), RangeError, key);
        await assert.rejects(store.get(key), RangeError, key);
        await assert.rejects(store.head(key), RangeError, key);
        await assert.rejects(store.delete(key), RangeError, key);
        await assert.rejects(keysOf(store, key), RangeError, key);
        await assert.rejects(store.sign(key, { disposition: "inline" }), RangeError, key);
      }
    },
  },
];

async function checkConcurrentPuts(store: ObjectStore): Promise<void> {
  const key = "jobs/a/0.png";
  const put = (writer: number): Promise<void> => {
    const bytes = bytesOf(String(writer).repeat(1000 + writer));
    return store.put(key, bytes, { contentType: "text/plain", metadata: { writer: String(writer) } });
  };
  const read = async (): Promise<void> => {
    const object = await store.get(key);
    assert.ok(object);
    const writer = object.metadata.writer ?? "";
    assert.equal(new TextDecoder().decode(object.bytes), writer.repeat(1000 + Number(writer)));
  };
  await put(0);
  await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].flatMap((writer) => [put(writer), read(), read()]));
  await read();
}

async function keysOf(store: ObjectStore, folder: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(folder)) keys.push(key);
  return keys.sort();
}
