import {
  closeSync,
  copyFileSync,
  cpSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SafetensorsFile } from "@latentfarm/safetensors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openModelFolder } from "./inspect-model-folder.js";
import { hashModelFolder } from "./model-hash.js";

const DEMO = fileURLToPath(new URL("../../../demo-model/model", import.meta.url));

let root: string;
let copy: string;
let original: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "latentfarm-hash-"));
  copy = join(root, "another-name");
  cpSync(DEMO, copy, { recursive: true });
  original = hashModelFolder(await openModelFolder(DEMO));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("hashModelFolder()", () => {
  test("does not depend on where the folder lies and what it is called", async () => {
    expect(original).toMatch(/^[0-9a-f]{64}$/);
    expect(hashModelFolder(await openModelFolder(copy))).toBe(original);
  });

  test("tells weights apart whose header and size are equal", async () => {
    const { mmdit } = await openModelFolder(copy);
    const path = join(mmdit.source.folder, mmdit.source.location);
    const kept = `${path}.kept`;
    copyFileSync(path, kept);
    negate(path);
    expect(hashModelFolder(await openModelFolder(copy))).not.toBe(original);
    renameSync(kept, path);
    expect(hashModelFolder(await openModelFolder(copy))).toBe(original);
  });
});

/** Changes bits of every stored FP8 weight, as another fine-tune does; scales have to stay positive. */
function negate(path: string): void {
  using file = SafetensorsFile.open(path);
  const descriptor = openSync(path, "r+");
  for (const { name, dtype, byteOffset } of file.header.tensors.values()) {
    if (dtype !== "F8_E4M3") continue;
    const bytes = file.readBytes(name).map((byte, index) => (index % 2 === 1 ? byte ^ 0x80 : byte));
    writeSync(descriptor, bytes, 0, bytes.length, byteOffset);
  }
  closeSync(descriptor);
}
