import { NO_TRACING } from "@latentfarm/telemetry";
import { expect, it } from "vitest";
import { readEnv } from "./config/env.js";
import { createContext } from "./context.js";

it("createContext() leaves no tracing open when the certificate is not there", async () => {
  const { config, secrets } = readEnv({
    FARM_REDIS_URL: "redis://127.0.0.1:1",
    FARM_LOG_LEVEL: "silent",
    FARM_C2PA_CERT: "/nowhere/chain.pem",
    FARM_C2PA_KEY: "/nowhere/key.pem",
  });
  let ends = 0;
  const tracing = { ...NO_TRACING, [Symbol.asyncDispose]: async () => void ends++ };
  await expect(createContext(config, secrets, { tracing })).rejects.toMatchObject({ code: "config_invalid" });
  expect(ends).toBe(1);
});
