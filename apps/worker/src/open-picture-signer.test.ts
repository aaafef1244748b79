import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readEnv } from "./config/env.js";
import { openPictureSigner } from "./open-picture-signer.js";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "latentfarm-signer-"));
  await writeFile(join(dir, "text.pem"), "no PEM");
});
afterAll(() => rm(dir, { recursive: true }));

describe("openPictureSigner()", () => {
  it("makes none without files", async () => {
    expect(await openPictureSigner(undefined, 0)).toBeUndefined();
  });

  it.each([
    ["a file that is not there", "none.pem", /the file of FARM_C2PA_CERT as PEM: ENOENT/],
    ["a file of something else", "text.pem", /there is no PEM certificate in it/],
  ])("refuses %s", async (_name, file, message) => {
    const files = { certificates: join(dir, file), privateKey: join(dir, "text.pem") };
    await expect(openPictureSigner(files, 0)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringMatching(message),
    });
  });
});

describe("readEnv()", () => {
  const base = { FARM_REDIS_URL: "redis://127.0.0.1:1" };

  it("takes certificate and key together alone", () => {
    expect(readEnv(base).config.signing).toBeUndefined();
    const both = { ...base, FARM_C2PA_CERT: "/c.pem", FARM_C2PA_KEY: "/k.pem" };
    expect(readEnv(both).config.signing).toEqual({ certificates: "/c.pem", privateKey: "/k.pem" });
    expect(() => readEnv({ ...base, FARM_C2PA_CERT: "/c.pem" })).toThrow(/FARM_C2PA_KEY is absent/);
    expect(() => readEnv({ ...base, FARM_C2PA_KEY: "/k.pem" })).toThrow(/FARM_C2PA_CERT is absent/);
  });
});
