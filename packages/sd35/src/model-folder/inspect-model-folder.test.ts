import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FarmError } from "@latentfarm/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildGraphs } from "./build-graphs.js";
import { inspectModelFolder, openModelFolder } from "./inspect-model-folder.js";

const DEMO = fileURLToPath(new URL("../../../demo-model/model/", import.meta.url));
const CHECKPOINT = "checkpoints/postcards-sd35-fp8.safetensors";
const T5 = "text_encoders/t5xxl_fp8_e4m3fn.safetensors";

/** A model folder whose files are links to the demo model's: a test changes it as it likes. */
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "latentfarm-model-"));
  for (const entry of readdirSync(DEMO, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const copy = join(dir, path.slice(DEMO.length));
    mkdirSync(entry.isDirectory() ? copy : join(copy, ".."), { recursive: true });
    if (entry.isFile()) symlinkSync(path, copy);
  }
});
afterEach(() => rmSync(dir, { recursive: true }));

function move(from: string, to: string): void {
  mkdirSync(join(dir, to, ".."), { recursive: true });
  renameSync(join(dir, from), join(dir, to));
}

function changeManifest(change: Record<string, unknown>): void {
  const manifest = JSON.parse(readFileSync(join(DEMO, "model.json"), "utf8"));
  rmSync(join(dir, "model.json"));
  writeFileSync(join(dir, "model.json"), JSON.stringify({ ...manifest, ...change }));
}

function problems(): string {
  const { problems: found, runnable } = inspectModelFolder(dir);
  expect(runnable).toBe(found.length === 0);
  return found.join("\n");
}

describe("openModelFolder()", () => {
  it("opens linked files and gives their real folder to the graphs", async () => {
    const folder = await openModelFolder(dir);
    const { mmdit, t5xxl, vae_encoder } = buildGraphs(folder);
    expect(mmdit().weightsFolder).toBe(join(DEMO, "checkpoints"));
    expect(t5xxl?.().weightsFolder).toBe(join(DEMO, "text_encoders"));
    expect(vae_encoder?.().component).toBe("vae_encoder");
    expect(folder).toMatchObject({ name: "postcards", contextWidth: 256, pooledWidth: 192, notes: [] });
    expect(folder.tokenizers).toMatchObject({ clipLength: 20, t5LengthMin: 20 });
  });

  it("describes the model with the manifest's defaults and the position table's limits", async () => {
    const { description } = await openModelFolder(dir);
    expect(description).toMatchObject({
      name: "postcards",
      architecture: "sd3.5-large",
      license: "Apache-2.0",
      defaults: { width: 64, steps: 20, sampler: "euler", scheduler: "normal", shift: 3 },
      limits: { width_max: 192, height_max: 192, size_multiple: 16 },
    });
  });

  it("lists every problem in one error", async () => {
    rmSync(join(dir, CHECKPOINT));
    rmSync(join(dir, "tokenizer"), { recursive: true });
    const error = await openModelFolder(dir).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FarmError);
    expect(error).toMatchObject({
      code: "model_invalid",
      details: { problems: [{}, {}].map(() => expect.any(String)) },
    });
  });

  it("runs without one of the encoders and says so", async () => {
    rmSync(join(dir, T5));
    const folder = await openModelFolder(dir);
    expect(folder.t5).toBeUndefined();
    expect(folder.notes).toEqual(["T5-XXL text encoder is missing: the model runs without it"]);
  });
});

describe("inspectModelFolder()", () => {
  it("shows files, dtypes and roles", () => {
    const { files, runnable, problems: found } = inspectModelFolder(DEMO);
    expect([runnable, found]).toEqual([true, []]);
    expect(files[0]).toMatchObject({
      path: CHECKPOINT,
      bytes: 6_892_616,
      kind: "an SD3 diffusion model",
      roles: ["diffusion_model", "vae"],
      quantization: "scaled_fp8",
    });
    expect(files.map(({ roles }) => roles.join())).toEqual([
      "diffusion_model,vae",
      "clip_g",
      "clip_l",
      "t5xxl",
    ]);
  });

  it("takes ComfyUI's other folder names, and text encoders by content", () => {
    move(CHECKPOINT, "diffusion_models/model.safetensors");
    move("text_encoders/clip_g.safetensors", "clip/clip_g.safetensors");
    move(T5, "clip/encoder.safetensors");
    expect(problems()).toBe("");
  });

  it("never throws for a folder that is missing, a file or empty", () => {
    for (const place of [join(dir, "nowhere"), join(dir, "model.json"), join(dir, "tokenizer")]) {
      expect(inspectModelFolder(place).runnable).toBe(false);
    }
    expect(inspectModelFolder(join(dir, "tokenizer")).problems).toEqual([
      "SD3 diffusion model is missing, expected in checkpoints/ or diffusion_models/ or unet/, found no file",
      "text encoder is missing, expected in text_encoders/ or clip/, found no file",
    ]);
  });

  it("names a T5 that lies in CLIP-L's place", () => {
    rmSync(join(dir, "text_encoders/clip_l.safetensors"));
    move(T5, "text_encoders/clip_l.safetensors");
    expect(problems()).toMatch(
      /Cannot use clip_l\.safetensors as a CLIP-L text encoder: content is a T5 encoder/,
    );
  });

  it("notices swapped CLIP files", () => {
    move("text_encoders/clip_l.safetensors", "text_encoders/other");
    move("text_encoders/clip_g.safetensors", "text_encoders/clip_l.safetensors");
    move("text_encoders/other", "text_encoders/clip_g.safetensors");
    expect(problems()).toMatch(/hidden width is 128 and 64, expected CLIP-L's below CLIP-G's/);
  });

  it("names what lies in checkpoints/ when it is no diffusion model", () => {
    rmSync(join(dir, CHECKPOINT));
    symlinkSync(join(DEMO, T5), join(dir, CHECKPOINT));
    expect(problems()).toMatch(
      /SD3 diffusion model is missing, .*postcards-sd35-fp8\.safetensors is a T5 encoder/,
    );
  });

  it("reports a truncated download with both sizes", () => {
    const bytes = readFileSync(join(DEMO, T5));
    rmSync(join(dir, T5));
    writeFileSync(join(dir, T5), bytes.subarray(0, bytes.length - 100));
    expect(problems()).toMatch(/size is 1350564 bytes, expected 1350664/);
  });

  it("asks for a choice between several checkpoints, which the manifest can make", () => {
    symlinkSync(join(DEMO, CHECKPOINT), join(dir, "checkpoints/second.safetensors"));
    expect(problems()).toMatch(/name one of them in model\.json as files\.diffusion_model/);
    changeManifest({ files: { diffusion_model: "checkpoints/second.safetensors" } });
    expect(problems()).toBe("");
    changeManifest({ files: { diffusion_model: "../elsewhere.safetensors" } });
    expect(problems()).toMatch(/is no file of it/);
  });

  it("says no more than why when nothing or not all is there", () => {
    rmSync(join(dir, CHECKPOINT));
    rmSync(join(dir, T5));
    expect(inspectModelFolder(dir)).toMatchObject({ runnable: false, notes: [] });
    const empty = join(dir, "empty");
    mkdirSync(empty);
    expect(inspectModelFolder(empty)).toMatchObject({ runnable: false, notes: [] });
  });

  it("does not call the tensors of a part that failed unused", () => {
    changeManifest({ t5_length_min: 1_000_000 });
    expect(inspectModelFolder(dir)).toMatchObject({ runnable: false, notes: [] });
  });

  it("leaves a broken file beside a whole one aside, with a note", () => {
    writeFileSync(join(dir, "checkpoints/broken.safetensors"), "not a checkpoint");
    const { runnable, notes } = inspectModelFolder(dir);
    expect(runnable).toBe(true);
    expect(notes).toEqual([expect.stringMatching(/^checkpoints\/broken\.safetensors is not used: /)]);
  });

  it.each([
    ["a size that is no multiple of 16", { defaults: { width: 72 } }, /size is 72x192/],
    ["a size beyond the position table", { sizes: [[208, 64]] }, /size is 208x64, .* up to 192/],
    ["an unknown sampler", { defaults: { sampler: "nope" } }, /defaults\.sampler is "nope"/],
    ["an unknown scheduler", { defaults: { scheduler: "nope" } }, /defaults\.scheduler is "nope"/],
    ["no steps", { defaults: { steps: 0 } }, /defaults\.steps is 0/],
    ["a name that is no text", { name: 5 }, /fields are wrong: .*"name"/],
    ["another architecture", { architecture: "sd3-medium" }, /but the diffusion model is sd3\.5-large/],
    ["chunks longer than the position table", { clip_length: 21 }, /clip_length is 21, expected 9 to 20/],
    ["chunks below the smallest", { clip_length: 8 }, /clip_length is 8/],
    ["a text length that is no number", { t5_length_min: "20" }, /t5_length_min is "20"/],
    ["a part that does not exist", { files: { unet: "x" } }, /field of files is "unet"/],
  ])("rejects a manifest with %s", (_, change, message) => {
    changeManifest(change);
    expect(problems()).toMatch(message);
  });

  it("works without a manifest, with the family's defaults within the model's limits", () => {
    rmSync(join(dir, "model.json"));
    const { description, problems: found } = inspectModelFolder(dir);
    expect(found).toEqual([]);
    expect(description?.defaults).toMatchObject({ width: 192, steps: 28, scheduler: "sgm_uniform" });
  });

  it("rejects a tokenizer with more tokens than the encoder's table", () => {
    rmSync(join(dir, "tokenizer_3"), { recursive: true });
    mkdirSync(join(dir, "tokenizer_3"));
    const tokenizer = JSON.parse(readFileSync(join(DEMO, "tokenizer_3/tokenizer.json"), "utf8"));
    tokenizer.model.vocab.push(["more", -9]);
    writeFileSync(join(dir, "tokenizer_3/tokenizer.json"), JSON.stringify(tokenizer));
    expect(problems()).toMatch(/largest token id is 141, expected below 141/);
  });
});
