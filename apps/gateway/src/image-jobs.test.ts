import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FarmError, LIMITS } from "@latentfarm/contract";
import { decodeRgb, encodePreview } from "@latentfarm/image";
import { createDiskStore, inputKey, type ObjectStore } from "@latentfarm/storage";
import { STRICT_POLICY } from "@latentfarm/webhooks";
import request from "supertest";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "./app.js";
import { createContext } from "./context.js";
import { IMAGE_BODIES_MAX } from "./limits.js";
import { createFakeFarm, FAKE_MODEL, type FakeFarm } from "./testing/fake-farm.js";

const SIDE = 32;
const JPEG = Buffer.from(await encodePreview(new Uint8Array(SIDE * SIDE * 3).fill(200), SIDE, SIDE));

let root = "";
let farm: FakeFarm;
let store: ObjectStore;
let app: ReturnType<typeof createApp>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "latentfarm-gateway-"));
  farm = createFakeFarm();
  farm.served = [{ ...FAKE_MODEL, image_to_image: true, workers: 1 }];
  store = createDiskStore(root);
  const config = {
    host: "127.0.0.1",
    port: 0,
    lameDuckMs: 0,
    store: { kind: "disk", root },
    webhookPolicy: STRICT_POLICY,
    logLevel: "silent",
    isTraced: false,
  } as const;
  app = createApp(await createContext(config, { redisUrl: "redis://unused" }, { farm, store }));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const post = (body: object, headers: Record<string, string> = {}) =>
  request(app)
    .post("/v1/jobs")
    .set(headers)
    .send({ prompt: "a sun", ...body });

/** A JPEG of the given size in bytes: what follows the picture is passed over by decoders. */
function paddedImage(bytes: number): string {
  return Buffer.concat([JPEG, Buffer.alloc(bytes - JPEG.length)]).toString("base64");
}

async function storedImages(): Promise<number> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name.startsWith("input.")).length;
}

describe("POST /v1/jobs with an image", () => {
  it("stores the image at the job's size and queues its hash alone", async () => {
    const response = await post({ image: JPEG.toString("base64"), strength: 0.4, width: 64, height: 48 });
    expect(response.status).toBe(202);
    const stored = await store.get(inputKey(response.body.id));
    expect(stored?.contentType).toBe("image/png");
    expect(response.body.params.init_image).toEqual({ sha256: stored?.sha256, strength: 0.4 });
    expect(JSON.stringify(farm.submitted).length).toBeLessThan(2_000);
    const { width, height, rgb } = await decodeRgb(stored?.bytes ?? new Uint8Array());
    expect([width, height]).toEqual([64, 48]);
    expect(Math.abs((rgb[0] ?? 0) - 200)).toBeLessThan(3);
  });

  it("takes a data URI, and AUTOMATIC1111's strength when none is named", async () => {
    const image = `data:image/jpeg;base64,${JPEG.toString("base64")}`;
    const { body } = await post({ image });
    expect(body.params.init_image.strength).toBe(0.75);
  });

  it.each([
    ["image", { image: "https://example.com/a.png" }],
    ["image", { image: Buffer.from("<svg/>").toString("base64") }],
    ["strength", { strength: 0.5 }],
    ["strength", { image: JPEG.toString("base64"), strength: 0 }],
  ])("refuses a wrong %s and queues nothing", async (path, body) => {
    const response = await post(body);
    expect([response.status, response.body.errors[0].path]).toEqual([422, path]);
    expect(farm.submitted).toHaveLength(0);
  });

  it("refuses an image for a model that takes none", async () => {
    farm.served = [{ ...FAKE_MODEL, workers: 1 }];
    const response = await post({ image: JPEG.toString("base64") });
    expect(response.body.errors).toEqual([{ path: "image", message: expect.stringContaining("VAE") }]);
  });

  it("takes a body past body_bytes_max for its image, and nothing else of that size", async () => {
    const image = paddedImage(LIMITS.body_bytes_max * 2);
    const taken = await post({ image });
    expect(taken.status).toBe(202);
    const long = "x".repeat(LIMITS.body_bytes_max);
    for (const body of [{ negative_prompt: long }, { image, negative_prompt: long }]) {
      const response = await post(body);
      expect([response.status, response.body.code]).toEqual([413, "payload_too_large"]);
    }
    const lists = `{"prompt":"a","metadata":[${"[],".repeat(LIMITS.body_bytes_max)}[]]}`;
    const response = await request(app).post("/v1/jobs").set("content-type", "application/json").send(lists);
    expect(response.status).toBe(413);
  });

  it("refuses a body past image_body_bytes_max and names the limit", async () => {
    const response = await post({ image: "A".repeat(LIMITS.image_body_bytes_max) });
    expect(response.status).toBe(413);
    expect(response.body.errors[0].message).toContain("image_body_bytes_max");
  });

  it("reads few large bodies at once and tells the others to come back", async () => {
    const image = paddedImage(LIMITS.body_bytes_max);
    const calls = Array.from({ length: IMAGE_BODIES_MAX + 4 }, () => post({ image }));
    const responses = await Promise.all(calls);
    const refused = responses.filter(({ status }) => status === 503);
    expect(responses.filter(({ status }) => status === 202).length).toBeGreaterThanOrEqual(IMAGE_BODIES_MAX);
    for (const { body, headers } of refused) {
      expect([body.code, headers["retry-after"]]).toEqual(["overloaded", "2"]);
    }
    expect((await post({ image })).status).toBe(202);
  });

  it.each([
    ["quota_exceeded", 0],
    ["overloaded", 0],
    ["idempotency_conflict", 0],
    ["invalid_request", 0],
    ["queue_unavailable", 1],
  ] as const)("keeps of a job that is answered %s %i images", async (code, count) => {
    farm.refusal = new FarmError(code, "Cannot take the job");
    const response = await post({ image: JPEG.toString("base64") });
    expect(response.body.code).toBe(code);
    expect(await storedImages()).toBe(count);
  });

  it("keeps one image of submits with the same key at the same time", async () => {
    const headers = { "Idempotency-Key": "k" };
    const calls = Array.from({ length: 4 }, () => post({ image: JPEG.toString("base64") }, headers));
    const ids = (await Promise.all(calls)).map(({ body }) => body.id);
    expect(new Set(ids).size).toBe(1);
    expect(await storedImages()).toBe(1);
  });

  it("gives the first job again for the same key and image, and a conflict for another image", async () => {
    const headers = { "Idempotency-Key": "k" };
    const first = await post({ image: JPEG.toString("base64") }, headers);
    const again = await post({ image: JPEG.toString("base64") }, headers);
    expect(again.body.id).toBe(first.body.id);
    const other = await post({ image: paddedImage(JPEG.length + 3) }, headers);
    expect([other.status, other.body.code]).toEqual([409, "idempotency_conflict"]);
  });
});
