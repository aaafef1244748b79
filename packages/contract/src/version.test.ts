import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { FARM_VERSION } from "./version.js";

test("FARM_VERSION is that of the root's package.json", async () => {
  const manifest: unknown = JSON.parse(
    await readFile(new URL("../../../package.json", import.meta.url), "utf8"),
  );
  expect(manifest).toMatchObject({ version: FARM_VERSION });
});
