import { FarmError } from "@latentfarm/contract";
import { readEnv } from "./config/env.js";
import { createContext } from "./context.js";
import { runCourier } from "./run-courier.js";

/** Exit codes: 2 for a wrong environment, which starting again does not mend; 1 for everything else. */
const EXIT_CONFIG = 2;
const EXIT_FAILURE = 1;

async function main(): Promise<void> {
  const stop = stopSignal();
  const { config, secrets } = readEnv();
  await using context = await createContext(config, secrets);
  const onReady = (metricsUrl?: string) => {
    context.log.info({ concurrency: config.concurrency, metricsUrl }, "courier ready");
    process.send?.({ type: "ready", metricsUrl });
  };
  await runCourier(context, { stop, onReady });
  context.log.info({}, "courier stopped");
}

/** Aborts when the process is asked to stop: by a signal, or by the end of the parent that started it over IPC. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  process.once("disconnect", stop);
  return controller.signal;
}

try {
  await main();
} catch (error) {
  // An expected failure is its message; only a bug needs its stack.
  const known = error instanceof FarmError;
  process.stderr.write(`${known ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = known && error.code === "config_invalid" ? EXIT_CONFIG : EXIT_FAILURE;
}
// The channel to the parent would keep the process alive.
if (process.connected) process.disconnect();
