import { describe, expect, it } from "vitest";
import { assembleConditioning } from "./conditioning.js";

const SHAPE = { contextWidth: 6, pooledWidth: 5, clipLength: 2 };
const L = { hidden: Float32Array.of(1, 2, 3, 4), width: 2, pooled: Float32Array.of(5, 6) };
const G = { hidden: Float32Array.of(10, 11, 12, 13, 14, 15), width: 3, pooled: Float32Array.of(16, 17, 18) };
const T5 = { hidden: Float32Array.of(20, 21, 22, 23, 24, 25), width: 6 };

describe("assembleConditioning()", () => {
  it("puts L beside G, zeros up to the context width, and T5 below", () => {
    const { context, tokens, width, pooled } = assembleConditioning({ clipL: L, clipG: G, t5: T5 }, SHAPE);
    expect([tokens, width]).toEqual([3, 6]);
    expect([...context]).toEqual([1, 2, 10, 11, 12, 0, 3, 4, 13, 14, 15, 0, 20, 21, 22, 23, 24, 25]);
    expect([...pooled]).toEqual([5, 6, 16, 17, 18]);
  });

  it("leaves L's place empty when L is missing", () => {
    const { context, pooled } = assembleConditioning({ clipG: G }, SHAPE);
    expect([...context]).toEqual([0, 0, 10, 11, 12, 0, 0, 0, 13, 14, 15, 0]);
    expect([...pooled]).toEqual([0, 0, 16, 17, 18]);
  });

  it("leaves G's place empty when G is missing", () => {
    const { context, pooled } = assembleConditioning({ clipL: L }, SHAPE);
    expect([...context]).toEqual([1, 2, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0]);
    expect([...pooled]).toEqual([5, 6, 0, 0, 0]);
  });

  it("gives T5's rows alone without CLIP, and zeros without any encoder", () => {
    const alone = assembleConditioning({ t5: T5 }, SHAPE);
    expect([...alone.context]).toEqual([...T5.hidden]);
    const none = assembleConditioning({}, SHAPE);
    expect([none.tokens, none.context.length]).toEqual([2, 12]);
    expect([...none.context, ...none.pooled].every((value) => value === 0)).toBe(true);
  });

  it("rejects CLIP encoders of different lengths and features that do not fit", () => {
    const short = { ...G, hidden: G.hidden.slice(3) };
    expect(() => assembleConditioning({ clipL: L, clipG: short }, SHAPE)).toThrow(/same rows/);
    expect(() => assembleConditioning({ t5: T5 }, { ...SHAPE, contextWidth: 4 })).toThrow(/fit/);
  });
});
