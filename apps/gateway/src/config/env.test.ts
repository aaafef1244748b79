import { LAPTOP_POLICY, STRICT_POLICY } from "@latentfarm/webhooks";
import { describe, expect, it } from "vitest";
import { readEnv } from "./env.js";

describe("readEnv()", () => {
  it("readEnv() keeps the Redis URL apart from what may be logged", () => {
    const { config, secrets } = readEnv({
      FARM_REDIS_URL: "redis://:pw@host",
      FARM_PORT: "0",
      FARM_DATA: "/d",
    });
    expect(config).toEqual({
      host: "127.0.0.1",
      port: 0,
      lameDuckMs: 0,
      store: { kind: "disk", root: "/d/results" },
      webhookPolicy: STRICT_POLICY,
      logLevel: "info",
      isTraced: false,
    });
    expect(secrets.redisUrl).toBe("redis://:pw@host");
  });

  it("readEnv() opens webhooks to this machine by explicit setting alone", () => {
    const env = { FARM_REDIS_URL: "redis://host", FARM_WEBHOOK_LOOPBACK: "1" };
    expect(readEnv(env).config.webhookPolicy).toEqual(LAPTOP_POLICY);
    const ports = readEnv({ ...env, FARM_WEBHOOK_PORTS: "9000" }).config.webhookPolicy;
    expect(ports).toEqual({ ...LAPTOP_POLICY, ports: [9000] });
  });

  it("readEnv() asks for a Redis and refuses unknown names", () => {
    expect(() => readEnv({})).toThrow("FARM_REDIS_URL");
    expect(() => readEnv({ FARM_REDIS_URL: "redis://host", FARM_PORTS: "1" })).toThrow("FARM_PORTS");
  });
});
