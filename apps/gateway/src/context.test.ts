import { NO_TRACING } from "@latentfarm/telemetry";
import { expect, it } from "vitest";
import { readEnv } from "./config/env.js";
import { createContext } from "./context.js";

it("createContext() leaves no tracing open when there is no Redis", async () => {
  const { config, secrets } = readEnv({ FARM_REDIS_URL: "redis://127.0.0.1:1", FARM_LOG_LEVEL: "silent" });
  let ends = 0;
  const tracing = { ...NO_TRACING, [Symbol.asyncDispose]: async () => void ends++ };
  await expect(createContext(config, secrets, { tracing })).rejects.toMatchObject({
    code: "queue_unavailable",
  });
  expect(ends).toBe(1);
});
