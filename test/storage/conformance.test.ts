import { STORE_CASES } from "@latentfarm/storage/testing";
import { describe, it } from "vitest";
import { useBuckets } from "./buckets.js";

const { isMissing, newStore } = useBuckets();

describe.skipIf(isMissing)("createS3Store() on versitygw", () => {
  describe.each(["sha256", "crc32", "required"] as const)("with checksums: %s", (checksums) => {
    it.each(STORE_CASES)("$name", async ({ check }) => check(await newStore({ checksums })));
  });

  it.each(STORE_CASES)("below a prefix: $name", async ({ check }) =>
    check(await newStore({ prefix: "farms/one/" })),
  );
});
