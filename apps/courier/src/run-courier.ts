import { attemptDelivery } from "./attempt-delivery.js";
import type { CourierContext } from "./context.js";

/** How a courier is run. */
export interface RunOptions {
  /** Aborts when the courier is asked to stop. */
  readonly stop: AbortSignal;
  /** Called once deliveries can arrive. */
  readonly onReady: () => void;
}

/** Milliseconds that attempts under way get to end once the courier is asked to stop: as long as one may take. */
const DRAIN_MS = 16_000;

/** Takes deliveries until asked to stop, then drains: what it cannot finish the next courier sends, under the same id. */
export async function runCourier(context: CourierContext, options: RunOptions): Promise<void> {
  const { config, farm, log } = context;
  await using consumer = farm.webhooks.deliver({
    concurrency: config.concurrency,
    publicUrl: config.publicUrl,
    send: (work) => attemptDelivery(context, work),
    ...(config.scheduleMs === undefined ? {} : { scheduleMs: config.scheduleMs }),
  });
  await consumer.ready();
  options.onReady();
  await aborted(options.stop);
  log.info({}, "courier drains");
  await consumer.drain(DRAIN_MS);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
