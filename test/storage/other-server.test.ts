import type { S3Settings } from "@latentfarm/storage";
import { createS3Store } from "@latentfarm/storage/s3";
import { STORE_CASES } from "@latentfarm/storage/testing";
import { startFauxqs } from "fauxqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { S3_CREDENTIALS } from "../harness/index.js";
import { settingsOf, TEST_LIMITS } from "./buckets.js";

/** A server by other people, that knows neither conditions nor checksums: nothing may rest on them. */
let server: Awaited<ReturnType<typeof startFauxqs>>;
let buckets = 0;

beforeAll(async () => {
  Object.assign(process.env, S3_CREDENTIALS);
  server = await startFauxqs({ port: 0, logger: false });
});
afterAll(async () => server.stop());

function newBucket(): S3Settings {
  const bucket = `bucket-${buckets++}`;
  server.createBucket(bucket);
  return settingsOf(bucket, server.address);
}

describe("createS3Store() on a server without conditions", () => {
  it.each(STORE_CASES)("$name", async ({ check }) =>
    check(createS3Store(newBucket(), { limits: TEST_LIMITS })),
  );

  it("identify() gives one identity to processes that start at once, and to one that comes later", async () => {
    const settings = newBucket();
    const identify = async () => (await createS3Store(settings, { limits: TEST_LIMITS }).identify()).id;
    const ids = await Promise.all(Array.from({ length: 8 }, identify));
    expect(new Set([...ids, await identify()]).size).toBe(1);
  });
});
