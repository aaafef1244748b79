import { FarmError } from "@latentfarm/contract";
import type { QueueLog } from "../farm.js";

/** Work that is done again and again, one run at a time. */
export interface Poller extends AsyncDisposable {
  /** Runs now, or once more after the run that is under way. */
  wake(): void;
}

/** What is done and how often. */
export interface PollerOptions {
  /** For log lines. */
  readonly name: string;
  readonly intervalMs: number;
  readonly log: QueueLog;
  /** Does what there is to do; what it throws is logged, and the next run tries again. */
  run(): Promise<void>;
}

/** Begins to poll; the first run is at once. Disposing waits for the run that is under way. */
export function startPoller(options: PollerOptions): Poller {
  let again = false;
  let closed = false;
  let running: Promise<void> | undefined;
  const loop = async () => {
    while (again && !closed) {
      again = false;
      await runOnce(options);
    }
    running = undefined;
  };
  const wake = () => {
    again = true;
    if (!closed) running ??= loop();
  };
  const timer = setInterval(wake, options.intervalMs);
  timer.unref();
  wake();
  return {
    wake,
    async [Symbol.asyncDispose]() {
      closed = true;
      clearInterval(timer);
      await running;
    },
  };
}

async function runOnce(options: PollerOptions): Promise<void> {
  try {
    await options.run();
  } catch (error) {
    // A connection tells its own loss, once; here it would be a line a second.
    if (error instanceof FarmError && error.code === "queue_unavailable") return;
    options.log.error({ work: options.name, err: error }, "work on deliveries failed");
  }
}
