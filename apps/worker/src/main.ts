import { FarmError } from "@latentfarm/contract";
import type { Logger } from "@latentfarm/telemetry";
import { readEnv } from "./config/env.js";
import { createContext } from "./context.js";
import { runWorker } from "./run-worker.js";
import { watchSpotNotice } from "./spot/watch-spot-notice.js";

/** Exit codes: 2 for what starting again does not mend (environment, model); 1 for everything else. */
const EXIT_CONFIG = 2;
const EXIT_FAILURE = 1;

/** Failures that a person must mend. */
const LASTING_CODES: readonly string[] = ["config_invalid", "model_invalid", "file_invalid"];

async function main(stop: AbortSignal): Promise<void> {
  const { config, secrets } = readEnv();
  await using context = await createContext(config, secrets, { stop });
  const { engine, log } = context;
  const onReady = (metricsUrl?: string) => {
    const { pid, model } = engine.info;
    const ready = { workerId: config.id, enginePid: pid, model: model.name, metricsUrl };
    log.info(ready, "worker ready");
    process.send?.({ type: "ready", ...ready });
  };
  using spot = watchSpot(config.spotMetadataUrl, log);
  await runWorker(context, { stop: AbortSignal.any([stop, spot.notice]), onReady });
  log.info({}, "worker stopped");
}

/** Begins to look for the end of the machine, where there is a service that tells it. */
function watchSpot(
  metadataUrl: string | undefined,
  log: Logger,
): Disposable & { readonly notice: AbortSignal } {
  const noticed = new AbortController();
  const ended = new AbortController();
  if (metadataUrl !== undefined) {
    void watchSpotNotice({ metadataUrl, log, signal: ended.signal, onNotice: () => noticed.abort() });
  }
  return { notice: noticed.signal, [Symbol.dispose]: () => ended.abort() };
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

const stop = stopSignal();
try {
  await main(stop);
} catch (error) {
  const lasting = error instanceof FarmError && LASTING_CODES.includes(error.code);
  // A worker that is told to stop while its model loads has done what it was told.
  const stopped = stop.aborted && error instanceof FarmError && error.code === "interrupted";
  const known = lasting || stopped;
  process.stderr.write(`${known ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = stopped ? 0 : lasting ? EXIT_CONFIG : EXIT_FAILURE;
}
// The channel to the parent would keep the process alive.
if (process.connected) process.disconnect();
