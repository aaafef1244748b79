import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NODE_TYPES } from "./node-types.js";
import { readGraph } from "./read-graph.js";
import { parseJsonExactly } from "./read-json.js";

/** The official example of SD3.5 with a ControlNet, its nodes alone. Source: facts, sd35_workflows_api.json. */
const CANNY = {
  "3": {
    class_type: "KSampler",
    inputs: {
      seed: 790192293768778,
      steps: 32,
      cfg: 4.5,
      sampler_name: "euler",
      scheduler: "simple",
      denoise: 1,
      model: ["4", 0],
      positive: ["51", 0],
      negative: ["51", 1],
      latent_image: ["33", 0],
    },
  },
  "4": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "sub\\sd3.5_large.safetensors" } },
  "6": { class_type: "CLIPTextEncode", inputs: { text: "a fox", clip: ["4", 1] } },
  "8": { class_type: "VAEDecode", inputs: { samples: ["3", 0], vae: ["4", 2] } },
  "9": { class_type: "SaveImage", inputs: { filename_prefix: "ComfyUI", images: ["8", 0] } },
  "33": { class_type: "EmptySD3LatentImage", inputs: { width: 1024, height: 768, batch_size: 2 } },
  "45": { class_type: "LoadImage", inputs: { image: "in.png" } },
  "50": { class_type: "ConditioningZeroOut", inputs: { conditioning: ["6", 0] } },
  "51": {
    class_type: "ControlNetApplyAdvanced",
    inputs: { positive: ["6", 0], negative: ["50", 0], image: ["45", 0], strength: 0.66 },
  },
  "99": { class_type: "LoraLoader", inputs: {} },
};

describe("readGraph()", () => {
  it("reads the sampler behind the output, and tells the nodes on its way that it has no words for", () => {
    expect(readGraph(JSON.stringify(CANNY))).toEqual({
      fields: {
        seed: "790192293768778",
        steps: 32,
        guidance_scale: 4.5,
        sampler: "euler",
        scheduler: "simple",
        model: "sd3.5_large",
        prompt: "a fox",
        negative_prompt: "a fox",
        width: 1024,
        height: 768,
      },
      missed: [
        "node ControlNetApplyAdvanced",
        "node ConditioningZeroOut",
        "batch of 2, of which the first picture is drawn",
      ],
    });
  });

  it("leaves out values that the farm does not take, and tells them", () => {
    const sampler = { ...CANNY["3"], inputs: { ...CANNY["3"].inputs, steps: 10_000, seed: -1 } };
    const read = readGraph(JSON.stringify({ ...CANNY, "3": sampler }));
    expect(read?.fields).not.toHaveProperty("steps");
    expect(read?.missed).toEqual(expect.arrayContaining(["steps: 10000", "seed: -1"]));
  });

  it("never throws, whatever the graph", () => {
    const link = fc.tuple(fc.constantFrom("1", "2", "3", "4"), fc.nat(2));
    const value = fc.oneof(link, link, fc.jsonValue());
    const inputs = fc.dictionary(
      fc.constantFrom("model", "positive", "negative", "latent_image", "samples", "images", "text", "layers"),
      value,
    );
    const node = fc.record({ class_type: fc.constantFrom(...Object.keys(NODE_TYPES), "Other"), inputs });
    const graph = fc.dictionary(fc.constantFrom("1", "2", "3", "4"), node);
    fc.assert(
      fc.property(graph, (nodes) => void readGraph(JSON.stringify(nodes))),
      { numRuns: 300 },
    );
    fc.assert(fc.property(fc.json(), (text) => void readGraph(text)));
  });
});

describe("parseJsonExactly()", () => {
  it("keeps long whole numbers as text and everything else as it is", () => {
    const text =
      '{"seed": 18446744073709551615, "a": 1.25e2, "s": "12345678901234567890 \\" 12345678901234567890"}';
    expect(parseJsonExactly(text)).toEqual({
      seed: "18446744073709551615",
      a: 125,
      s: '12345678901234567890 " 12345678901234567890',
    });
    fc.assert(
      fc.property(fc.json(), (json) => {
        fc.pre(!/\d{16}/.test(json));
        expect(parseJsonExactly(json)).toEqual(JSON.parse(json));
      }),
    );
  });
});
