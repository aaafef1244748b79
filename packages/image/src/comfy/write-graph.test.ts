import { describe, expect, it } from "vitest";
import { exampleRecord } from "../testing/example-record.js";
import { comfyTexts } from "./write-graph.js";

interface ApiNode {
  readonly class_type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

interface UiNode {
  readonly id: number;
  readonly type: string;
  readonly inputs: readonly { readonly name: string; readonly link: number | null }[];
  readonly outputs: readonly { readonly links: readonly number[] }[];
  readonly widgets_values: readonly unknown[];
}

interface Workflow {
  readonly last_node_id: number;
  readonly last_link_id: number;
  readonly nodes: readonly UiNode[];
  readonly links: readonly (readonly [number, number, number, number, number, string])[];
  readonly extra: { readonly latentfarm: { readonly notes: readonly string[] } };
}

/** Values that ComfyUI's front end shows on each node, in its order. Source: ComfyUI v0.8.0, its nodes' inputs. */
const WIDGETS: Readonly<Record<string, readonly string[]>> = {
  CheckpointLoaderSimple: ["ckpt_name"],
  UNETLoader: ["unet_name", "weight_dtype"],
  TripleCLIPLoader: ["clip_name1", "clip_name2", "clip_name3"],
  VAELoader: ["vae_name"],
  CLIPTextEncode: ["text"],
  EmptySD3LatentImage: ["width", "height", "batch_size"],
  LoadImage: ["image", "upload"],
  ModelSamplingSD3: ["shift"],
  SkipLayerGuidanceSD3: ["layers", "scale", "start_percent", "end_percent"],
  KSampler: ["seed", "", "steps", "cfg", "sampler_name", "scheduler", "denoise"],
  SaveImage: ["filename_prefix"],
};

const IMAGE = { init_image: { sha256: "ab".repeat(32), strength: 0.6 } };
const SKIP = { skip_layer_guidance: { scale: 3, layers: [7, 8, 9], start: 0.01, end: 0.15 } };

const promptOf = (record = exampleRecord()): Record<string, ApiNode> => JSON.parse(comfyTexts(record).prompt);
const workflowOf = (record = exampleRecord()): Workflow => JSON.parse(comfyTexts(record).workflow);

/** What ComfyUI's front end would send of a workflow. */
function toPrompt({ nodes, links }: Workflow): Record<string, ApiNode> {
  const entries = nodes.map((node): [string, ApiNode] => {
    const values = (WIDGETS[node.type] ?? []).flatMap((name, at) =>
      name === "" ? [] : [[name, node.widgets_values[at]]],
    );
    const linked = node.inputs.map(({ name, link }) => {
      const [, from, slot] = links.find(([id]) => id === link) ?? [];
      return [name, [String(from), slot]];
    });
    return [String(node.id), { class_type: node.type, inputs: Object.fromEntries([...values, ...linked]) }];
  });
  return Object.fromEntries(entries);
}

describe("comfyTexts()", () => {
  it("writes the graph that ComfyUI's server runs", () => {
    expect(promptOf()).toEqual({
      "3": {
        class_type: "KSampler",
        inputs: {
          seed: Number("18446744073709551615"),
          steps: 8,
          cfg: 4.5,
          sampler_name: "dpmpp_2m",
          scheduler: "sgm_uniform",
          denoise: 1,
          model: ["60", 0],
          positive: ["16", 0],
          negative: ["40", 0],
          latent_image: ["53", 0],
        },
      },
      "4": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "sd3.5_medium.safetensors" } },
      "8": { class_type: "VAEDecode", inputs: { samples: ["3", 0], vae: ["4", 2] } },
      "9": { class_type: "SaveImage", inputs: { filename_prefix: "Latentfarm", images: ["8", 0] } },
      "16": { class_type: "CLIPTextEncode", inputs: { text: "a café", clip: ["43", 0] } },
      "40": { class_type: "CLIPTextEncode", inputs: { text: "rain", clip: ["43", 0] } },
      "43": {
        class_type: "TripleCLIPLoader",
        inputs: {
          clip_name1: "clip_l.safetensors",
          clip_name2: "clip_g.safetensors",
          clip_name3: "t5xxl_fp8_e4m3fn.safetensors",
        },
      },
      "53": { class_type: "EmptySD3LatentImage", inputs: { width: 48, height: 32, batch_size: 1 } },
      "60": { class_type: "ModelSamplingSD3", inputs: { shift: 3, model: ["4", 0] } },
    });
  });

  it("keeps every digit of the seed and writes ASCII alone", () => {
    for (const text of Object.values(comfyTexts(exampleRecord({ prompt: "黄 🌞 \u007f" })))) {
      expect(text).toMatch(/^[\x20-\x7e]*$/);
      expect(text).toContain("18446744073709551615");
    }
    expect(promptOf(exampleRecord({ prompt: "黄 🌞 \u007f" }))["16"]?.inputs.text).toBe("黄 🌞 \u007f");
  });

  it.each([{}, IMAGE, SKIP, { ...IMAGE, ...SKIP }])("says the same in both forms with %j", (params) => {
    const record = exampleRecord(params);
    expect(toPrompt(workflowOf(record))).toEqual(promptOf(record));
  });

  it("links both ends, numbers them once and places no node on another", () => {
    const { nodes, links, last_node_id, last_link_id } = workflowOf(exampleRecord({ ...IMAGE, ...SKIP }));
    expect(links.map(([id]) => id)).toEqual(links.map((_, index) => index + 1));
    expect([last_link_id, last_node_id]).toEqual([links.length, Math.max(...nodes.map(({ id }) => id))]);
    for (const [id, from, fromSlot, to, toSlot] of links) {
      expect(nodes.find((node) => node.id === from)?.outputs[fromSlot]?.links).toContain(id);
      expect(nodes.find((node) => node.id === to)?.inputs[toSlot]?.link).toBe(id);
    }
    const places = nodes.map((node) => JSON.stringify((node as { pos?: unknown }).pos));
    expect(new Set(places).size).toBe(nodes.length);
  });

  it("starts from an image, which it names and says to be elsewhere", () => {
    const record = exampleRecord({ ...IMAGE });
    const prompt = promptOf(record);
    expect(prompt["62"]).toEqual({
      class_type: "LoadImage",
      inputs: { image: "latentfarm-input-abababababababab.png", upload: "image" },
    });
    expect(prompt["63"]?.inputs).toEqual({ pixels: ["62", 0], vae: ["4", 2] });
    expect(prompt["3"]?.inputs).toMatchObject({ denoise: 0.6, latent_image: ["63", 0] });
    expect(workflowOf(record).extra.latentfarm.notes).toEqual([expect.stringContaining("ab".repeat(32))]);
  });

  it("skips layers after the shift", () => {
    const prompt = promptOf(exampleRecord(SKIP));
    expect(prompt["61"]).toEqual({
      class_type: "SkipLayerGuidanceSD3",
      inputs: { layers: "7, 8, 9", scale: 3, start_percent: 0.01, end_percent: 0.15, model: ["60", 0] },
    });
    expect(prompt["3"]?.inputs.model).toEqual(["61", 0]);
  });

  it("loads each part from where the model folder has it", () => {
    const { model, ...rest } = exampleRecord();
    const typesOf = (files: typeof model.files) =>
      Object.values(promptOf({ ...rest, model: { ...model, files } })).map((node) => node.class_type);
    const whole = "checkpoints/all.safetensors";
    expect(typesOf({ diffusion_model: whole, vae: whole, clip_l: whole })).not.toContain("CLIPLoader");
    expect(
      typesOf({ diffusion_model: "unet/a.safetensors", vae: "vae/b.safetensors", clip_l: "clip/c" }),
    ).toEqual(expect.arrayContaining(["UNETLoader", "VAELoader", "CLIPLoader"]));
    expect(typesOf({ diffusion_model: whole, clip_l: "clip/l", clip_g: "clip/g" })).toContain(
      "DualCLIPLoader",
    );
    const unknown = { ...rest, model: { name: "mine", architecture: "" } };
    expect(promptOf(unknown)["4"]?.inputs).toEqual({ ckpt_name: "mine.safetensors" });
    expect(workflowOf(unknown).extra.latentfarm.notes).toEqual([expect.stringContaining("not known")]);
  });
});
