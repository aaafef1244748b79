import { createHash } from "node:crypto";
import { FarmError } from "@latentfarm/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSnapshot, encodeSnapshot, SNAPSHOT_BYTES_MAX } from "./codec.js";
import { type FrameSnapshot, snapshotMismatch } from "./frame-snapshot.js";

const hashOf = (digit: string) => digit.repeat(64);
const SNAPSHOT: FrameSnapshot = {
  identity: { modelHash: hashOf("1"), graphHash: hashOf("2"), paramsHash: hashOf("3") },
  steps: 20,
  sampler: {
    version: 1,
    sampler: "dpmpp_2m",
    step: 7,
    noiseDrawn: 3,
    tensors: { latent: Float32Array.of(1, -2.5, 3e-40), previous: Float32Array.of(0, -0, 3.4e38) },
  },
};

/** A snapshot whose header or payload was changed by someone who knows how to mend the checksum. */
function forged(change: (header: Record<string, unknown>) => object): Uint8Array {
  const sampler = { ...SNAPSHOT.sampler };
  const bytes = encodeSnapshot({ ...SNAPSHOT, sampler });
  const length = new DataView(bytes.buffer).getUint32(12, true);
  const header = JSON.parse(Buffer.from(bytes.subarray(16, 16 + length)).toString());
  return encodeWith(change(header), bytes.subarray(16 + length, -32));
}

function encodeWith(header: object, payload: Uint8Array): Uint8Array {
  const text = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.from(encodeSnapshot(SNAPSHOT).subarray(0, 16));
  prefix.writeUInt32LE(text.length, 12);
  return withChecksum(Buffer.concat([prefix, text, payload]));
}

function withChecksum(body: Buffer): Uint8Array {
  return new Uint8Array(Buffer.concat([body, createHash("sha256").update(body).digest()]));
}

function refusalOf(bytes: Uint8Array): string {
  try {
    decodeSnapshot(bytes);
  } catch (error) {
    if (error instanceof FarmError && error.code === "file_invalid") return error.message;
    throw error;
  }
  throw new Error("the snapshot was taken");
}

describe("encodeSnapshot()", () => {
  test("is read back bit for bit", () => {
    const decoded = decodeSnapshot(encodeSnapshot(SNAPSHOT));
    expect(decoded).toEqual(SNAPSHOT);
    expect(Object.is(decoded.sampler.tensors.previous?.[1], -0)).toBe(true);
  });

  test("is read at any place of a larger buffer", () => {
    const bytes = encodeSnapshot(SNAPSHOT);
    for (const offset of [1, 2, 3]) {
      const larger = new Uint8Array(bytes.length + 8);
      larger.set(bytes, offset);
      expect(decodeSnapshot(larger.subarray(offset, offset + bytes.length))).toEqual(SNAPSHOT);
      expect(decodeSnapshot(Buffer.from(larger).subarray(offset, offset + bytes.length))).toEqual(SNAPSHOT);
    }
  });

  test("gives the same bytes for the same state", () => {
    expect(encodeSnapshot(SNAPSHOT)).toEqual(encodeSnapshot(structuredClone(SNAPSHOT)));
  });
});

describe("decodeSnapshot()", () => {
  test("refuses a snapshot with any one bit changed", () => {
    const bytes = encodeSnapshot(SNAPSHOT);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = bytes.slice();
      changed.set([(changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))], bit >> 3);
      refusalOf(changed);
    }
  });

  test("refuses a snapshot that is cut anywhere or goes on", () => {
    const bytes = encodeSnapshot(SNAPSHOT);
    for (let length = 0; length < bytes.length; length += 1) refusalOf(bytes.subarray(0, length));
    refusalOf(Uint8Array.of(...bytes, 0));
  });

  test("refuses anything else with file_invalid alone", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => refusalOf(bytes) !== ""));
    const prefix = Buffer.from(encodeSnapshot(SNAPSHOT).subarray(0, 12));
    const withPrefix = fc.uint8Array({ minLength: 4, maxLength: 300 });
    fc.assert(
      fc.property(withPrefix, (rest) => refusalOf(withChecksum(Buffer.concat([prefix, rest]))) !== ""),
    );
    fc.assert(
      fc.property(fc.json(), (json) => refusalOf(encodeWith(JSON.parse(`[${json}]`), Buffer.of())) !== ""),
    );
  });

  test("refuses more bytes than the cap before it looks at them", () => {
    expect(refusalOf(new Uint8Array(SNAPSHOT_BYTES_MAX + 1))).toContain(`bytes is ${SNAPSHOT_BYTES_MAX + 1}`);
  });

  test("refuses another version by name", () => {
    const body = Buffer.from(encodeSnapshot(SNAPSHOT).subarray(0, -32));
    body.writeUInt16LE(2, 10);
    expect(refusalOf(withChecksum(body))).toContain("version is 2");
  });

  const tensors = (...entries: object[]) => entries;
  test.each<[string, object, string]>([
    ["a step past the end", { step: 21 }, "step is 21 of 20"],
    ["a negative counter", { noiseDrawn: -1 }, "noiseDrawn"],
    ["a hash that is none", { modelHash: "x" }, "modelHash"],
    ["an unknown sampler", { sampler: "toString" }, "sampler"],
    ["a tensor of a foreign name", { tensors: tensors({ name: "__proto__", length: 6 }) }, "name"],
    [
      "a tensor past the cap",
      { tensors: tensors({ name: "latent", length: 2 ** 40 }) },
      "length of a tensor",
    ],
    ["tensors that claim more", { tensors: tensors({ name: "latent", length: 7 }) }, "expected 28"],
    ["tensors that claim less", { tensors: tensors({ name: "latent", length: 5 }) }, "expected 20"],
    [
      "a tensor twice",
      { tensors: tensors({ name: "latent", length: 3 }, { name: "latent", length: 3 }) },
      "twice",
    ],
    [
      "too many tensors",
      { tensors: Array.from({ length: 17 }, (_, i) => ({ name: `t${i}`, length: 0 })) },
      "list",
    ],
  ])("refuses %s", (_, change, reason) => {
    expect(refusalOf(forged((header) => ({ ...header, ...change })))).toContain(reason);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses a latent that holds %s", (bad) => {
    const sampler = { ...SNAPSHOT.sampler, tensors: { latent: Float32Array.of(1, bad) } };
    expect(refusalOf(encodeSnapshot({ ...SNAPSHOT, sampler }))).toContain("not finite");
  });
});

describe("snapshotMismatch()", () => {
  test("names the first thing that differs, and nothing when all is equal", () => {
    expect(snapshotMismatch(SNAPSHOT, SNAPSHOT.identity)).toBeUndefined();
    const other = hashOf("f");
    expect(snapshotMismatch(SNAPSHOT, { ...SNAPSHOT.identity, modelHash: other })).toContain("weights");
    expect(snapshotMismatch(SNAPSHOT, { ...SNAPSHOT.identity, graphHash: other })).toContain("graph");
    expect(snapshotMismatch(SNAPSHOT, { ...SNAPSHOT.identity, paramsHash: other })).toContain("parameters");
  });
});
