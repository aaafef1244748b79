import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "@latentfarm/telemetry";
import { createAwsMetadata, type SpotNotice } from "./aws-metadata.js";

/**
 * Milliseconds between two looks: AWS advises five seconds, of the two minutes between the notice and the end.
 * Source: AWS EC2 user guide, "Spot Instance interruption notices".
 */
export const POLL_MS = 5_000;

/** How the end of a spot machine is watched for. */
export interface SpotWatchOptions {
  /** Where the metadata service answers, such as `http://169.254.169.254`. */
  readonly metadataUrl: string;
  readonly log: Logger;
  /** Called once, with the notice; the watch is over then. */
  readonly onNotice: (notice: SpotNotice) => void;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Waits; rejects when the signal aborts. A real wait by default. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly fetch?: typeof fetch;
}

/**
 * Looks for the notice until it is there or the signal aborts; never rejects. A metadata service that fails is told
 * once, and again when it is back: a machine that is no spot machine of AWS has none at all.
 */
export async function watchSpotNotice(options: SpotWatchOptions): Promise<void> {
  const { log, onNotice, signal, wait = waitFor } = options;
  const metadata = createAwsMetadata({ url: options.metadataUrl, fetch: options.fetch ?? fetch, signal });
  let failing = false;
  while (!signal.aborted) {
    try {
      const notice = await metadata.readNotice();
      if (failing) log.info({}, "spot notices can be read again");
      failing = false;
      if (notice !== undefined) {
        log.warn({ action: notice.action, at: notice.time }, "spot machine is taken back");
        onNotice(notice);
        return;
      }
    } catch (error) {
      if (!failing && !signal.aborted) log.warn({ err: error }, "spot notices cannot be read");
      failing = true;
    }
    await wait(POLL_MS, signal).catch(() => undefined);
  }
}

function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal, ref: false });
}
