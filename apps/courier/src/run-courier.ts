import { type MetricsServer, startMetricsServer } from "@latentfarm/telemetry";
import { attemptDelivery } from "./attempt-delivery.js";
import type { CourierContext } from "./context.js";

/** How a courier is run. */
export interface RunOptions {
  /** Aborts when the courier is asked to stop. */
  readonly stop: AbortSignal;
  /** Called once deliveries can arrive, with the URL of the metrics where they are told. */
  readonly onReady: (metricsUrl?: string) => void;
}

/** Milliseconds that attempts under way get to end once the courier is asked to stop: as long as one may take. */
const DRAIN_MS = 16_000;

/** Takes deliveries until asked to stop, then drains: what it cannot finish the next courier sends, under the same id. */
export async function runCourier(context: CourierContext, options: RunOptions): Promise<void> {
  const { config, farm, log } = context;
  let unready: string | undefined = "the courier starts";
  await using server = await serveMetrics(context, () => unready);
  await using consumer = farm.webhooks.deliver({
    concurrency: config.concurrency,
    publicUrl: config.publicUrl,
    send: (work) => attemptDelivery(context, work),
    ...(config.scheduleMs === undefined ? {} : { scheduleMs: config.scheduleMs }),
  });
  await consumer.ready();
  unready = undefined;
  options.onReady(server?.url);
  await aborted(options.stop);
  unready = "the courier drains";
  log.info({}, "courier drains");
  await consumer.drain(DRAIN_MS);
}

async function serveMetrics(
  { config, metrics }: CourierContext,
  unready: () => string | undefined,
): Promise<MetricsServer | undefined> {
  const { metricsAddress: address } = config;
  return address === undefined ? undefined : startMetricsServer({ ...address, metrics, unready });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
