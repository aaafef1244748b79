import { createS3Store } from "@latentfarm/storage/s3";
import { STORE_CASES } from "@latentfarm/storage/testing";
import { describe, expect, it } from "vitest";
import { useBuckets } from "./buckets.js";

const { isMissing, newBucket, newStore } = useBuckets();

/** Milliseconds for which a put is waited for where nothing else tells that none follows, as `S3_LIMITS` has it. */
const SETTLE_MS = 3_000;

describe.skipIf(isMissing)("createS3Store() on versitygw", () => {
  describe.each(["sha256", "crc32", "required"] as const)("with checksums: %s", (checksums) => {
    it.each(STORE_CASES)("$name", async ({ check }) => check(await newStore({ checksums })));
  });

  it.each(STORE_CASES)("below a prefix: $name", async ({ check }) =>
    check(await newStore({ prefix: "farms/one/" })),
  );

  it("identify() gives one identity to processes that start at once, and to one that comes later", async () => {
    const settings = await newBucket();
    const identify = async () => (await createS3Store(settings).identify()).id;
    const startMs = performance.now();
    const ids = await Promise.all(Array.from({ length: 8 }, identify));
    expect(new Set([...ids, await identify()]).size).toBe(1);
    // Nobody waits for others' puts where the server refuses a second one.
    expect(performance.now() - startMs).toBeLessThan(SETTLE_MS);
  });
});
