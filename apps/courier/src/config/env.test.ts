import { LAPTOP_POLICY, STRICT_POLICY } from "@latentfarm/webhooks";
import { expect, it } from "vitest";
import { readEnv } from "./env.js";

it("readEnv() allows loopback by explicit setting only", () => {
  const env = { FARM_REDIS_URL: "redis://host" };
  expect(readEnv(env).config).toMatchObject({
    webhookPolicy: STRICT_POLICY,
    scheduleMs: undefined,
    publicUrl: "",
  });
  expect(readEnv({ ...env, FARM_WEBHOOK_LOOPBACK: "1" }).config.webhookPolicy).toEqual(LAPTOP_POLICY);
});

it("readEnv() gives the retry schedule in milliseconds", () => {
  const env = { FARM_REDIS_URL: "redis://host", FARM_WEBHOOK_RETRY_SECONDS: "0,5" };
  expect(readEnv(env).config.scheduleMs).toEqual([0, 5_000]);
});

it("readEnv() refuses an environment without a Redis", () => {
  expect(() => readEnv({})).toThrow(/FARM_REDIS_URL is absent/);
});
