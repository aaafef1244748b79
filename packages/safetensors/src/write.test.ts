import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DTYPE_BYTES, isDtype } from "./dtype.js";
import { SafetensorsFile } from "./file.js";
import { type TensorPlan, writeSafetensors } from "./write.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "safetensors-write-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const BYTES: TensorPlan = { name: "a", dtype: "U8", shape: [4] };

const tensorPlan = fc.record({
  name: fc.string({ unit: "binary", minLength: 1, maxLength: 20 }).filter((name) => name !== "__metadata__"),
  dtype: fc.constantFrom(...Object.keys(DTYPE_BYTES).filter(isDtype)),
  shape: fc.array(fc.nat(4), { maxLength: 4 }),
});

describe("writeSafetensors()", () => {
  it("writes what SafetensorsFile reads, for any names, dtypes, shapes and metadata", async () => {
    const path = join(folder, "any.safetensors");
    const plans = fc.uniqueArray(tensorPlan, { selector: ({ name }) => name, maxLength: 6 });
    const metadata = fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), {
      maxKeys: 3,
    });
    const property = fc.asyncProperty(plans, metadata, fc.nat(255), async (tensors, texts, salt) => {
      const content = ({ name, dtype, shape }: TensorPlan): Uint8Array =>
        new Uint8Array(shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype])).fill(
          name.length ^ salt,
        );
      await writeSafetensors(path, tensors, { metadata: texts, fill: (tensor) => [content(tensor)] });
      using file = SafetensorsFile.open(path);
      expect([...file.header.tensors.keys()]).toEqual(tensors.map(({ name }) => name));
      expect(Object.entries(file.header.metadata)).toEqual(Object.entries(texts));
      for (const tensor of tensors) expect(file.readBytes(tensor.name)).toEqual(content(tensor));
    });
    await fc.assert(property, { numRuns: 200, seed: 7 });
  });

  it("pads the header to 8 bytes", async () => {
    const path = join(folder, "padded.safetensors");
    await writeSafetensors(path, [BYTES], { fill: () => [Uint8Array.of(1, 2, 3, 4)] });
    const bytes = readFileSync(path);
    expect(Number(bytes.readBigUInt64LE()) % 8).toBe(0);
    expect([...bytes.subarray(-4)]).toEqual([1, 2, 3, 4]);
  });

  it("asks for a chunk only when the last one is written", async () => {
    const path = join(folder, "streamed.safetensors");
    const shared = new Uint8Array(2); // reused: a chunk held back would be overwritten
    async function* fill(): AsyncGenerator<Uint8Array> {
      for (const value of [1, 2]) yield shared.fill(value);
    }
    await writeSafetensors(path, [BYTES], { fill });
    expect([...readFileSync(path).subarray(-4)]).toEqual([1, 1, 2, 2]);
  });

  it.each([
    ["fewer", [Uint8Array.of(1, 2, 3)]],
    ["more", [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5)]],
  ])("refuses %s bytes than promised and leaves the old file", async (_, chunks) => {
    const path = join(folder, "kept.safetensors");
    writeFileSync(path, "old");
    await expect(writeSafetensors(path, [BYTES], { fill: () => chunks })).rejects.toThrow(RangeError);
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(folder).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  it("passes on an error of the content and cleans up", async () => {
    const path = join(folder, "failed.safetensors");
    const fill = (): Uint8Array[] => {
      throw new TypeError("no content");
    };
    await expect(writeSafetensors(path, [BYTES], { fill })).rejects.toThrow("no content");
    expect(readdirSync(folder).filter((name) => name.startsWith("failed"))).toEqual([]);
  });

  it("refuses names and shapes that the reader would refuse, before writing", async () => {
    const path = join(folder, "refused.safetensors");
    const write = (tensors: readonly TensorPlan[]): Promise<void> =>
      writeSafetensors(path, tensors, { fill: () => [] });
    const invalid = expect.objectContaining({ code: "file_invalid" });
    await expect(write([BYTES, BYTES])).rejects.toThrow(invalid);
    await expect(write([{ ...BYTES, name: "__metadata__" }])).rejects.toThrow(invalid);
    await expect(write([{ ...BYTES, name: "n".repeat(2000) }])).rejects.toThrow(invalid);
    await expect(write([{ ...BYTES, shape: [-1] }])).rejects.toThrow(invalid);
    await expect(write([{ ...BYTES, shape: [1.5, 2] }])).rejects.toThrow(invalid);
    expect(readdirSync(folder).filter((name) => name.startsWith("refused"))).toEqual([]);
  });

  it("reports a folder that is not there as unreadable", async () => {
    const write = writeSafetensors(join(folder, "absent", "x"), [BYTES], { fill: () => [new Uint8Array(4)] });
    await expect(write).rejects.toThrow(expect.objectContaining({ code: "file_unreadable" }));
  });
});
