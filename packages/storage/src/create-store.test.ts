import { parseFarmEnv } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { storeSettingsOf } from "./create-store.js";

const settingsOf = (env: Record<string, string>) => storeSettingsOf(parseFarmEnv(env));
const S3 = { FARM_STORE: "s3", FARM_S3_BUCKET: "acme-pictures" };

describe("storeSettingsOf()", () => {
  it("is a folder of the data folder when nothing is said", () => {
    expect(settingsOf({ FARM_DATA: "/d" })).toEqual({ kind: "disk", root: "/d/results" });
  });

  it("reads a bucket with what is usual", () => {
    expect(settingsOf(S3)).toEqual({
      kind: "s3",
      s3: {
        bucket: "acme-pictures",
        region: undefined,
        endpoint: undefined,
        publicEndpoint: undefined,
        prefix: "",
        pathStyle: false,
        encryption: undefined,
        storageClass: undefined,
        checksums: "sha256",
        tags: true,
        presignSeconds: 3_600,
      },
    });
  });

  it("reads every setting of a bucket", () => {
    const more = {
      FARM_S3_REGION: "eu-central-1",
      FARM_S3_ENDPOINT: "https://s3.example/",
      FARM_S3_PUBLIC_ENDPOINT: "https://pictures.example/",
      FARM_S3_PREFIX: "farms/one",
      FARM_S3_PATH_STYLE: "1",
      FARM_S3_SSE: "aws:kms",
      FARM_S3_KMS_KEY: "arn:aws:kms:eu-central-1:1:key/a-b",
      FARM_S3_STORAGE_CLASS: "STANDARD_IA",
      FARM_S3_CHECKSUMS: "required",
      FARM_S3_TAGS: "0",
      FARM_S3_PRESIGN_SECONDS: "604800",
    };
    expect(settingsOf({ ...S3, ...more })).toMatchObject({
      s3: {
        region: "eu-central-1",
        endpoint: "https://s3.example",
        publicEndpoint: "https://pictures.example",
        prefix: "farms/one/",
        pathStyle: true,
        encryption: { algorithm: "aws:kms", keyId: "arn:aws:kms:eu-central-1:1:key/a-b" },
        storageClass: "STANDARD_IA",
        checksums: "required",
        tags: false,
        presignSeconds: 604_800,
      },
    });
    expect(settingsOf({ ...S3, FARM_S3_SSE: "AES256" })).toMatchObject({
      s3: { encryption: { algorithm: "AES256" } },
    });
  });

  it("refuses what does not go together, all at once", () => {
    expect(() => settingsOf({ FARM_STORE: "s3", FARM_S3_KMS_KEY: "k" })).toThrow(
      "FARM_S3_BUCKET is absent; FARM_S3_KMS_KEY is set, but FARM_S3_SSE is not aws:kms",
    );
    expect(() => settingsOf({ FARM_S3_BUCKET: "acme-pictures" })).toThrow("FARM_STORE is not s3");
    expect(() => settingsOf({ ...S3, FARM_S3_PUBLIC_ENDPOINT: "https://pictures.example" })).toThrow(
      "FARM_S3_PUBLIC_ENDPOINT is set, but FARM_S3_ENDPOINT is absent",
    );
  });

  it.each([
    { FARM_S3_BUCKET: "Acme" },
    { FARM_S3_BUCKET: "a" },
    { FARM_S3_ENDPOINT: "https://key:secret@s3.example" },
    { FARM_S3_ENDPOINT: "s3.example" },
    { FARM_S3_PREFIX: "/" },
    { FARM_S3_PREFIX: "a/../b" },
    { FARM_S3_PREFIX: "a".repeat(256) },
    { FARM_S3_STORAGE_CLASS: "GLACIER" },
    { FARM_S3_SSE: "aws" },
    { FARM_S3_PRESIGN_SECONDS: "604801" },
    { FARM_S3_PRESIGN_SECONDS: "0" },
  ])("a wrong value is refused without being shown: %o", (wrong) => {
    const [[name, value]] = Object.entries(wrong) as [[string, string]];
    expect(() => settingsOf({ ...S3, ...wrong })).toThrow(name);
    if (value.length > 3) expect(() => settingsOf({ ...S3, ...wrong })).not.toThrow(value);
  });
});
