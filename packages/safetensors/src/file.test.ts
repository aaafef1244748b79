import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SafetensorsFile } from "./file.js";
import { encodeFloat32 } from "./float-codec.js";
import { type TensorPlan, writeSafetensors } from "./write.js";

const TENSORS: readonly TensorPlan[] = [
  { name: "odd", dtype: "U8", shape: [3] }, // pushes the next tensor to an odd address
  { name: "table", dtype: "F16", shape: [4, 2] },
  { name: "fp8", dtype: "F8_E4M3", shape: [2, 2] },
  { name: "empty", dtype: "F32", shape: [0, 5] },
];

const CONTENT: Readonly<Record<string, Uint8Array>> = {
  odd: Uint8Array.of(7, 8, 9),
  table: encodeFloat32("F16", Float32Array.of(0, 1, 10, 11, 20, 21, 30, 31)),
  fp8: encodeFloat32("F8_E4M3", Float32Array.of(1, -2, 448, 0)),
  empty: new Uint8Array(0),
};

let folder = "";
let path = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "safetensors-file-"));
  path = join(folder, "model.safetensors");
  await writeSafetensors(path, TENSORS, { fill: ({ name }) => [CONTENT[name] ?? new Uint8Array(0)] });
});

afterAll(() => rmSync(folder, { recursive: true }));

describe("SafetensorsFile", () => {
  it("reads bytes, parts of them, floats and rows", () => {
    using file = SafetensorsFile.open(path);
    expect(file.tensor("table").byteOffset % 2).toBe(1);
    expect(file.readBytes("odd")).toEqual(CONTENT.odd);
    expect([...file.readBytes("odd", 1, 2)]).toEqual([8]);
    expect(file.readBytes("odd", 3)).toHaveLength(0);
    expect([...file.readFloat32("fp8")]).toEqual([1, -2, 448, 0]);
    expect(file.readFloat32("empty")).toHaveLength(0);
    expect([...file.readRows("table", [3, 0, 3])]).toEqual([30, 31, 0, 1, 30, 31]);
    expect([...file.readRows("fp8", [1])]).toEqual([448, 0]);
    expect(file.readRows("empty", [])).toHaveLength(0);
  });

  it("rejects what lies outside a tensor", () => {
    using file = SafetensorsFile.open(path);
    expect(() => file.readBytes("odd", 0, 4)).toThrow(RangeError);
    expect(() => file.readBytes("odd", -1)).toThrow(RangeError);
    expect(() => file.readBytes("odd", 2, 1)).toThrow(RangeError);
    expect(() => file.readBytes("odd", 0.5, 1)).toThrow(RangeError);
    expect(() => file.readRows("table", [4])).toThrow(RangeError);
    expect(() => file.readRows("table", [-1])).toThrow(RangeError);
    expect(() => file.readRows("empty", [0])).toThrow(RangeError);
    expect(() => file.readRows("odd", [0])).toThrow(TypeError);
    expect(() => file.readFloat32("odd")).toThrow(TypeError);
  });

  it("names file and tensor when the tensor is missing", () => {
    using file = SafetensorsFile.open(path);
    const details = { path, tensor: "absent" };
    expect(() => file.tensor("absent")).toThrow(expect.objectContaining({ code: "file_invalid", details }));
  });

  it("refuses to read once closed, and closes twice", () => {
    const file = SafetensorsFile.open(path);
    file.close();
    file.close();
    expect(() => file.readBytes("odd")).toThrow(/file is closed/);
  });

  it("names expected and found bytes of a truncated download", () => {
    const cut = join(folder, "cut.safetensors");
    const bytes = readFileSync(path);
    writeFileSync(cut, bytes.subarray(0, -1));
    const details = expect.objectContaining({
      path: cut,
      expectedBytes: bytes.length,
      foundBytes: bytes.length - 1,
    });
    expect(() => SafetensorsFile.open(cut)).toThrow(
      expect.objectContaining({ code: "file_invalid", details }),
    );
  });

  it("reports a file that shrinks while it is open", () => {
    const shrinking = join(folder, "shrinking.safetensors");
    copyFileSync(path, shrinking);
    using file = SafetensorsFile.open(shrinking);
    truncateSync(shrinking, file.tensor("fp8").byteOffset + 1);
    expect([...file.readRows("table", [0])]).toEqual([0, 1]);
    expect(() => file.readBytes("fp8")).toThrow(expect.objectContaining({ code: "file_invalid" }));
  });

  it("refuses folders, short files and a header longer than the file before allocating for it", () => {
    const open = (name: string, bytes: Uint8Array): (() => SafetensorsFile) => {
      writeFileSync(join(folder, name), bytes);
      return () => SafetensorsFile.open(join(folder, name));
    };
    const invalid = expect.objectContaining({ code: "file_invalid" });
    expect(() => SafetensorsFile.open(folder)).toThrow(invalid);
    expect(open("empty", new Uint8Array(0))).toThrow(invalid);
    expect(open("short", new Uint8Array(5))).toThrow(invalid);
    expect(open("long", Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0, 123))).toThrow(invalid);
    expect(open("pickle", Buffer.from("PK\x03\x04 a zip archive of pickles"))).toThrow(invalid);
  });

  it("reports a missing file as unreadable, not as invalid", () => {
    const open = (): SafetensorsFile => SafetensorsFile.open(join(folder, "absent"));
    expect(open).toThrow(FarmError);
    expect(open).toThrow(expect.objectContaining({ code: "file_unreadable" }));
  });
});
