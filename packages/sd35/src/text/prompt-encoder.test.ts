import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openModelFolder } from "../model-folder/inspect-model-folder.js";
import {
  CLIP_CHUNKS_PER_RUN,
  createPromptEncoder,
  type RunTextEncoder,
  type TextInput,
  type TextParts,
} from "./prompt-encoder.js";

const folder = await openModelFolder(fileURLToPath(new URL("../../../demo-model/model", import.meta.url)));

interface Call {
  readonly component: string;
  readonly inputs: Readonly<Record<string, TextInput>>;
}

/** A runtime that remembers its calls and answers with the embeddings themselves. */
function echoRuntime(): { calls: Call[]; run: RunTextEncoder } {
  const calls: Call[] = [];
  const run: RunTextEncoder = async (component, inputs) => {
    calls.push({ component, inputs });
    const embeddings = inputs.embeddings?.data;
    if (!(embeddings instanceof Float32Array)) throw new TypeError("embeddings are missing");
    const width = inputs.embeddings?.dims[2] ?? 0;
    const pooled = (value: number) => ({ data: new Float32Array(width * 3).fill(value) });
    return {
      hidden: { data: embeddings },
      hidden_penultimate: { data: embeddings },
      pooled_projected: pooled(2),
      pooled_unprojected: pooled(1),
    };
  };
  return { calls, run };
}

/** What parts lead to; `afterPart` hears the name of the next one. */
async function encoded<Result>(
  parts: TextParts<Result>,
  afterPart: (next: string | undefined) => void = () => undefined,
): Promise<Result> {
  for (;;) {
    const part = await parts.next();
    afterPart(part.done === true ? undefined : part.value);
    if (part.done === true) return part.value;
  }
}

describe("createPromptEncoder()", () => {
  it("runs each encoder once for a short prompt, its chunks as one batch, and pools L unprojected and G projected", async () => {
    const { calls, run } = echoRuntime();
    using encoder = createPromptEncoder(folder, run);
    const tokens = encoder.tokenize("sun ".repeat(19));
    const { context, pooled, ...shape } = await encoded(encoder.encode(tokens));
    expect(calls.map(({ component, inputs }) => [component, inputs.embeddings?.dims])).toEqual([
      ["clip_l", [2, 20, 64]],
      ["clip_g", [2, 20, 128]],
      ["t5xxl", [1, 20, 256]],
    ]);
    expect(shape).toEqual({ tokens: 60, width: 256 });
    expect(context).toHaveLength(60 * 256);
    expect([...new Set(pooled.subarray(0, 64))]).toEqual([1]);
    expect([...new Set(pooled.subarray(64))]).toEqual([2]);
  });

  it("points at the first end token of each chunk", async () => {
    const { calls, run } = echoRuntime();
    using encoder = createPromptEncoder(folder, run);
    await encoded(encoder.encode(encoder.tokenize("sun ".repeat(19))));
    expect(calls[0]?.inputs.end_index?.data).toEqual(BigInt64Array.of(19n, 2n));
  });

  it("weighs each token against the empty prompt of its encoder, and no pooled vector", async () => {
    const { calls, run } = echoRuntime();
    using encoder = createPromptEncoder(folder, run);
    const [plain, empty] = [
      await encoded(encoder.encode(encoder.tokenize("a yellow sun"))),
      await encoded(encoder.encode(encoder.tokenize(""))),
    ];
    calls.length = 0;
    const weighted = await encoded(encoder.encode(encoder.tokenize("a (yellow:1.5) sun")));
    expect(calls.map(({ component, inputs }) => [component, inputs.embeddings?.dims[0]])).toEqual([
      ["clip_l", 1],
      ["clip_l", 1],
      ["clip_g", 1],
      ["clip_g", 1],
      ["t5xxl", 1],
      ["t5xxl", 1],
    ]);
    const expected = plain.context.map((z, index) => {
      const row = Math.floor(index / plain.width);
      const heavy = row === 2 || row === 20 + 1; // after CLIP's start token; T5 has none
      const zero = empty.context[index] ?? Number.NaN;
      return heavy ? Math.fround(Math.fround(z - zero) * 1.5) + zero : z;
    });
    expect(weighted.context).toEqual(expected);
    expect(weighted.context).not.toEqual(plain.context);
    expect(weighted.pooled).toEqual(plain.pooled);
  });

  it("gives the bytes of the plain prompt when all weights are 1", async () => {
    const { calls, run } = echoRuntime();
    using encoder = createPromptEncoder(folder, run);
    const plain = await encoded(encoder.encode(encoder.tokenize("a yellow sun")));
    expect(await encoded(encoder.encode(encoder.tokenize("(a (yellow:1) sun:1)")))).toEqual(plain);
    expect(calls).toHaveLength(6);
  });

  it("runs one encoder in each part, CLIP on a few chunks, and puts the chunks together in order", async () => {
    const { calls, run } = echoRuntime();
    using encoder = createPromptEncoder(folder, run);
    const tokens = encoder.tokenize(`${"a (very long:1.2) prompt ".repeat(60)}red sun`);
    const announced: (string | undefined)[] = [];
    const runs: number[] = [];
    await encoded(encoder.encode(tokens), (next) => {
      announced.push(next);
      runs.push(calls.length);
    });
    // Nothing runs in the first part, one encoder in each of the others, nothing in the last.
    expect(runs).toEqual([...calls.keys(), calls.length, calls.length]);
    expect(announced).toEqual([...calls.map(({ component }) => component), "conditioning", undefined]);
    const rows = calls.flatMap(({ component, inputs }) =>
      component === "clip_l" ? [inputs.embeddings?.dims[0] ?? 0] : [],
    );
    expect(Math.max(...rows)).toBe(CLIP_CHUNKS_PER_RUN);
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(tokens.clipL.length + 1);
  });
});
