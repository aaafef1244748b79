import { setTimeout as delay } from "node:timers/promises";
import { FarmError, TENANT_DEFAULT } from "@latentfarm/contract";
import { createApp } from "./app.js";
import { readEnv } from "./config/env.js";
import { createContext, type GatewayContext } from "./context.js";
import { startServer } from "./server.js";

/** Exit codes: 2 for a wrong environment, which starting again does not mend; 1 for everything else. */
const EXIT_CONFIG = 2;
const EXIT_FAILURE = 1;

async function main(): Promise<void> {
  const stopped = stopAsked();
  const { config, secrets } = readEnv();
  await using context = await createContext(config, secrets);
  await using server = await startServer(createApp(context), config);
  context.log.info({ url: server.url }, "gateway ready");
  await tellAccess(context);
  process.send?.({ type: "ready", url: server.url });
  await stopped;
  context.leave();
  if (config.lameDuckMs > 0) {
    context.log.info({ lameDuckMs: config.lameDuckMs }, "gateway leaves and still takes requests");
    await delay(config.lameDuckMs);
  }
  context.log.info({}, "gateway drains");
  context.drain();
  await server.close();
  context.log.info({}, "gateway stopped");
}

/** A farm without keys is either open to its machine or closed to all: its operator must know which. */
async function tellAccess(context: GatewayContext): Promise<void> {
  if (await context.access.hasKeys()) return;
  if (context.isLoopback) {
    const message = "farm is open: it has no keys, so every program of this machine may do everything";
    context.log.warn({ tenant: TENANT_DEFAULT }, message);
  } else {
    context.log.warn({}, "farm is closed: it has no keys; make the first with ./farm keys create");
  }
}

/** Resolves when the process is asked to stop: by a signal, or by the end of the parent that started it over IPC. */
function stopAsked(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
    process.once("disconnect", resolve);
  });
}

try {
  await main();
  // The channel to the parent would keep the process alive.
  if (process.connected) process.disconnect();
} catch (error) {
  // An expected failure is its message; only a bug needs its stack.
  const known = error instanceof FarmError;
  process.stderr.write(`${known ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = known && error.code === "config_invalid" ? EXIT_CONFIG : EXIT_FAILURE;
  if (process.connected) process.disconnect();
}
