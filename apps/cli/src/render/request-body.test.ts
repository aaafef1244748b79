import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requestBody } from "./request-body.js";

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "latentfarm-cli-"));
  await writeFile(join(cwd, "a.png"), "bytes");
});
afterAll(() => rm(cwd, { recursive: true }));

const bodyOf = (options: object) =>
  requestBody({ count: 1, ...options }, { prompt: "a sun", format: "png", cwd });

describe("requestBody()", () => {
  test("leaves out what the caller leaves out", async () => {
    expect(await bodyOf({})).toEqual({ prompt: "a sun", num_images: 1, output_format: "png" });
  });

  test("sends the priority", async () => {
    expect(await bodyOf({ priority: "low" })).toMatchObject({ priority: "low" });
  });

  test("sends an image as base64 with its strength", async () => {
    expect(await bodyOf({ image: "a.png", strength: 0.5 })).toMatchObject({
      image: Buffer.from("bytes").toString("base64"),
      strength: 0.5,
    });
  });

  test("puts the skip-layer options together", async () => {
    expect((await bodyOf({ skipLayers: [7, 8], skipLayerEnd: 0.2 })).skip_layer_guidance).toEqual({
      layers: [7, 8],
      end: 0.2,
    });
    expect((await bodyOf({ skipLayerScale: 0 })).skip_layer_guidance).toEqual({ scale: 0 });
  });

  test("names an image that is not there", async () => {
    await expect(bodyOf({ image: "b.png" })).rejects.toMatchObject({ code: "invalid_request" });
  });
});
