import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createGraph, type OnnxDtype, serializeModel } from "@latentfarm/onnx";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSession, openSession } from "./session.js";
import { sessionOptions } from "./session-options.js";

const ROWS = 300;
const COLUMNS = 256;

/** Bytes before the weight: a header's length makes offsets odd. */
const OFFSET = 7;

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "latentfarm-session-"));
  // Every pair of neighbouring codes occurs, NaN and infinity among them.
  const codes = Uint8Array.from({ length: ROWS * COLUMNS }, (_, i) => i ^ (i >> 8));
  writeFileSync(path.join(folder, "weight.bin"), Buffer.concat([new Uint8Array(OFFSET), codes]));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A graph that gives its weight, decoded. */
function decodingComponent(dtype: OnnxDtype, scale: number) {
  const builder = createGraph("decode");
  const stored = builder.external({
    name: "weight",
    dtype,
    shape: [ROWS, COLUMNS],
    location: "weight.bin",
    byteOffset: OFFSET,
    byteLength: ROWS * COLUMNS,
  });
  const decoded = builder.decode("DequantizeLinear", [stored, builder.constant("float32", [], [scale])]);
  const factor = builder.input("factor", "float32", [1]);
  builder.output("product", builder.node("Mul", [decoded, factor]), {
    dtype: "float32",
    dims: [ROWS, COLUMNS],
  });
  const graph = builder.finish();
  return { component: "mmdit", graph, model: serializeModel(graph), weightsFolder: folder } as const;
}

const INPUTS = { factor: { dtype: "float32", dims: [1], data: Float32Array.of(1) } } as const;

describe("createSession()", () => {
  it.each([
    ["float8e4m3fn", 1],
    ["float8e4m3fn", 0.05],
    ["float8e5m2", 1],
    ["float8e5m2", 0.3],
  ] as const)(
    "decodes mapped and folded %s with the scale %d as DequantizeLinear does",
    async (dtype, scale) => {
      const component = decodingComponent(dtype, scale);
      const sessions = await Promise.all([
        openSession(component, sessionOptions(folder)),
        createSession(component, { foldWeights: false }),
        createSession(component, { foldWeights: true }),
      ]);
      const [expected, mapped, folded] = await Promise.all(
        sessions.map(async (session) => (await session.run(INPUTS)).product?.data),
      );
      for (const session of sessions) await session.release();
      expect(expected?.filter(Number.isNaN).length).toBeGreaterThan(0);
      expect(mapped).toEqual(expected);
      expect(folded).toEqual(expected);
    },
  );
});
