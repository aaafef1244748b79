import { describe, expect, it } from "vitest";
import { DATA_TYPE_CODES } from "../graph.js";
import { createGraph } from "../graph-builder.js";
import { roundFloat16 } from "./round-float16.js";

/** (x as float16) + one, twice, as float32. */
function halfGraph() {
  const graph = createGraph("g");
  const x = graph.input("x", "float32", ["batch"]);
  const one = graph.inline("float16", [], Uint8Array.of(0x00, 0x3c));
  const half = graph.node("Cast", [x], { to: DATA_TYPE_CODES.float16 });
  const sum = graph.node("Add", [graph.node("Add", [half, one]), one]);
  const wide = graph.node("Cast", [sum], { to: DATA_TYPE_CODES.float32 });
  graph.output("y", wide, { dtype: "float32", dims: ["batch"] });
  return graph.finish();
}

describe("roundFloat16()", () => {
  it("rounds each float16 result and computes on in float32", () => {
    const { nodes } = roundFloat16(halfGraph());
    expect(nodes.map(({ op }) => op).join(" ")).toBe(
      "Cast Cast Cast Add Cast Cast Add Cast Cast Cast Identity",
    );
    const [, , , first, round, widen, second] = nodes;
    expect(round).toMatchObject({ inputs: first?.outputs, attributes: { to: DATA_TYPE_CODES.float16 } });
    expect(widen).toMatchObject({ inputs: round?.outputs, attributes: { to: DATA_TYPE_CODES.float32 } });
    expect(second?.inputs[0]).toBe(widen?.outputs[0]);
  });

  it("leaves a graph in float32 as it is", () => {
    const graph = createGraph("g");
    const x = graph.input("x", "float32", ["batch"]);
    graph.output("y", graph.node("Add", [x, x]), { dtype: "float32", dims: ["batch"] });
    const finished = graph.finish();
    expect(roundFloat16(finished)).toEqual(finished);
  });
});
