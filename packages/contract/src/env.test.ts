import { describe, expect, it } from "vitest";
import { parseFarmEnv } from "./env.js";
import { FarmError } from "./errors.js";

function problems(env: Record<string, string>): unknown {
  try {
    parseFarmEnv(env);
  } catch (error) {
    if (!(error instanceof FarmError)) throw error;
    expect(error.code).toBe("config_invalid");
    return error.details.problems;
  }
  return [];
}

describe("parseFarmEnv()", () => {
  it("parseFarmEnv() gives defaults, ignores foreign names and counts empty values as absent", () => {
    const env = parseFarmEnv({ PATH: "/bin", FARM_PORT: "" });
    expect(env).toMatchObject({ FARM_HOST: "127.0.0.1", FARM_PORT: 8080, FARM_DATA: ".farm" });
    expect(env.FARM_REDIS_URL).toBeUndefined();
    expect(Object.isFrozen(env)).toBe(true);
  });

  it("parseFarmEnv() takes both ends of the port range and nothing beside", () => {
    expect(parseFarmEnv({ FARM_PORT: "0" }).FARM_PORT).toBe(0);
    expect(parseFarmEnv({ FARM_PORT: "65535" }).FARM_PORT).toBe(65535);
    for (const port of ["65536", "-1", "80x", "1e3", " 80"])
      expect(problems({ FARM_PORT: port })).toHaveLength(1);
  });

  it("parseFarmEnv() takes an API key by its form, and tells nothing of one that is wrong", () => {
    const key = `lf_${"0".repeat(12)}_${"Z".repeat(40)}`;
    expect(parseFarmEnv({ FARM_API_KEY: key }).FARM_API_KEY).toBe(key);
    const found = problems({ FARM_API_KEY: `${key}Z` });
    expect(found).toEqual(["FARM_API_KEY must be an API key: lf_, 12 characters, _ and 40 more"]);
  });

  it("parseFarmEnv() lists every unknown name and bad value, and no value itself", () => {
    const secret = "http://user:hunter2@host";
    const found = problems({
      FARM_PROT: "1",
      FARM_PORT: "x",
      FARM_REDIS_URL: secret,
      FARM_LOG_LEVEL: "loud",
    });
    expect(found).toHaveLength(4);
    expect(String(found)).toContain("FARM_PROT is not a known name");
    expect(String(found)).not.toContain("hunter2");
  });

  it("parseFarmEnv() takes a retry schedule within its bounds", () => {
    const parse = (text: string) =>
      parseFarmEnv({ FARM_WEBHOOK_RETRY_SECONDS: text }).FARM_WEBHOOK_RETRY_SECONDS;
    expect(parse("0,5,604800")).toEqual([0, 5, 604_800]);
    expect(parse("1,".repeat(19).concat("1"))).toHaveLength(20);
    for (const text of ["1,".repeat(20).concat("1"), "604801", "1;2", "1,", "-1"])
      expect(problems({ FARM_WEBHOOK_RETRY_SECONDS: text })).toHaveLength(1);
  });

  it("parseFarmEnv() takes ports of webhooks as a list, and a public address without its last slash", () => {
    const env = parseFarmEnv({
      FARM_WEBHOOK_PORTS: "443,8443",
      FARM_PUBLIC_URL: "https://farm.example/base/",
      FARM_WEBHOOK_LOOPBACK: "1",
    });
    expect(env).toMatchObject({
      FARM_WEBHOOK_PORTS: [443, 8443],
      FARM_PUBLIC_URL: "https://farm.example/base",
      FARM_WEBHOOK_LOOPBACK: true,
    });
    for (const ports of ["0", "65536", "443,", "443, 80", "a"])
      expect(problems({ FARM_WEBHOOK_PORTS: ports })).toHaveLength(1);
    expect(problems({ FARM_PUBLIC_URL: "https://farm.example/?a" })).toHaveLength(1);
    expect(parseFarmEnv({}).FARM_WEBHOOK_LOOPBACK).toBe(false);
  });
});
