import { createMetrics } from "@latentfarm/telemetry";
import { type Summary, summarize } from "../measure/summary.js";
import { tellFrame, tellRequests } from "./tell-frame.js";

/** Scrapes of one measurement, and measurements. */
const SCRAPES = 20;
const REPEATS = 30;
const MICROSECONDS_PER_MS = 1_000;

/** Seconds between scrapes, as `./farm up --observe` has them. */
export const SCRAPE_SECONDS = 5;

/** Milliseconds of processor time of one scrape of gateway, worker and courier, each with its series. */
export async function measureScrapes(): Promise<Summary> {
  const [gateway, worker, courier] = [
    createMetrics("gateway"),
    createMetrics("worker"),
    createMetrics("courier"),
  ];
  tellFrame(worker, 20);
  tellRequests(gateway, courier);
  const costs: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const before = process.cpuUsage();
    for (let i = 0; i < SCRAPES; i++) for (const metrics of [gateway, worker, courier]) await metrics.text();
    const { user, system } = process.cpuUsage(before);
    costs.push((user + system) / MICROSECONDS_PER_MS / SCRAPES);
  }
  return summarize(costs);
}
