import { FarmError } from "@latentfarm/contract";
import { expect, it } from "vitest";
import { DTYPE_BYTES } from "./dtype.js";
import { parseHeader, type SafetensorsHeader } from "./header.js";

const MUTATED_HEADERS = 120_000;

/** Milliseconds one header of a few hundred bytes may take; a thousand times the usual, so only a hang exceeds it. */
const PARSE_MS_MAX = 1000;

const SEED = 0x5afe7e45;

/** Headers to start from: plain, with metadata and escapes, with empty tensors, with all dtypes. */
const ORIGINALS = [
  `{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"F8_E4M3","shape":[5],"data_offsets":[24,29]}}`,
  `{"__metadata__":{"format":"pt","e\\u00e9\\n":"\\ud83d\\ude00"},"model.x":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}  `,
  `{ "z" : { "shape" : [ ] , "data_offsets" : [ 0 , 8 ] , "dtype" : "I64" } , "none":{"dtype":"U8","shape":[0,9],"data_offsets":[8,8]}}`,
  `{${Object.entries(DTYPE_BYTES).map(([dtype, bytes], index, all) => {
    const begin = all.slice(0, index).reduce((sum, [, previous]) => sum + previous, 0);
    return `"${dtype}":{"dtype":"${dtype}","shape":[1],"data_offsets":[${begin},${begin + bytes}]}`;
  })}}`,
].map((text) => Buffer.from(text));

/** Pieces with which parsers are commonly led astray. */
const PIECES = [
  ...'{}[]:,"\\ 0-+.eE/\0\t\n\x7f\xff',
  ..."F16 BOOL F8_E5M2 __metadata__ __proto__ data_offsets shape dtype null true NaN 1e400 -0 00".split(" "),
  ..."9007199254740991 9007199254740992 18446744073709551615 4294967296".split(" "),
  '"a":',
  "\\u0000",
  "\\ud800",
  '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}',
  "[".repeat(300),
].map((piece) => Buffer.from(piece, "latin1"));

type Random = (below: number) => number;

/** A repeatable generator (xorshift32), so that a failing header can be made again from its number. */
function createRandom(seed: number): Random {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function splice(bytes: Buffer, at: number, removed: number, inserted: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);
}

const MUTATIONS: readonly ((bytes: Buffer, random: Random) => Buffer)[] = [
  (bytes, random) => splice(bytes, random(bytes.length + 1), 1, Buffer.from([random(256)])),
  (bytes, random) => splice(bytes, random(bytes.length + 1), random(8)),
  (bytes, random) => splice(bytes, random(bytes.length + 1), 0, PIECES[random(PIECES.length)]),
  (bytes, random) => splice(bytes, random(bytes.length + 1), random(4), PIECES[random(PIECES.length)]),
  (bytes, random) => bytes.subarray(0, random(bytes.length + 1)),
  (bytes, random) => {
    const from = random(bytes.length + 1);
    return splice(bytes, random(bytes.length + 1), 0, bytes.subarray(from, from + random(60)));
  },
  (bytes, random) => {
    // Another number in place of one of the numbers: the way to offsets that nearly fit.
    const numbers = [...bytes.toString("latin1").matchAll(/\d+/g)];
    const chosen = numbers[random(Math.max(numbers.length, 1))];
    if (!chosen) return bytes;
    const value = Number(chosen[0]) + random(5) - 2;
    return splice(bytes, chosen.index, chosen[0].length, Buffer.from(`${value}`));
  },
];

/** A file's first bytes and its stated size. */
function mutate(random: Random): { bytes: Buffer; fileBytes: number } {
  let body: Buffer = ORIGINALS[random(ORIGINALS.length)] ?? Buffer.alloc(0);
  for (let count = random(4); count >= 0; count -= 1) {
    body = MUTATIONS[random(MUTATIONS.length)]?.(body, random) ?? body;
  }
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(body.length));
  if (random(10) === 0) prefix[random(8)] = random(256);
  const bytes = Buffer.concat([prefix, body]).subarray(
    0,
    random(50) === 0 ? random(body.length + 8) : undefined,
  );
  const dataBytes = [29, 8, 8, 31][random(4)] ?? 0;
  return { bytes, fileBytes: random(20) === 0 ? random(2000) : bytes.length + dataBytes };
}

/** The parser's promise, restated from its result alone. */
function expectSound({ tensors }: SafetensorsHeader, bytes: Buffer, fileBytes: number): void {
  const dataStart = 8 + Number(bytes.readBigUInt64LE());
  const known: Record<string, unknown> = JSON.parse(bytes.toString("utf8", 8, dataStart));
  expect(
    Object.keys(known)
      .filter((name) => name !== "__metadata__")
      .toSorted(),
  ).toEqual([...tensors.keys()].toSorted());
  let end = dataStart;
  const inOrder = [...tensors.values()].toSorted(
    (a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength,
  );
  for (const { dtype, shape, byteOffset, byteLength } of inOrder) {
    expect(byteOffset).toBe(end);
    expect(byteLength).toBe(shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]));
    end += byteLength;
  }
  expect(end).toBe(fileBytes);
}

it(`parseHeader() takes ${MUTATED_HEADERS} mutated headers: sound or file_invalid`, () => {
  const random = createRandom(SEED);
  let accepted = 0;
  for (let number = 0; number < MUTATED_HEADERS; number += 1) {
    const { bytes, fileBytes } = mutate(random);
    const startedMs = performance.now();
    try {
      expectSound(parseHeader(bytes, fileBytes), bytes, fileBytes);
      accepted += 1;
    } catch (error) {
      if (!(error instanceof FarmError) || error.code !== "file_invalid") {
        throw new Error(`header ${number}: ${JSON.stringify(bytes.toString("latin1"))}`, { cause: error });
      }
    }
    if (performance.now() - startedMs > PARSE_MS_MAX) throw new Error(`header ${number} took too long`);
  }
  // Both outcomes must occur often, or the mutations test nothing.
  expect(accepted).toBeGreaterThan(MUTATED_HEADERS / 200);
  expect(accepted).toBeLessThan(MUTATED_HEADERS / 2);
});
