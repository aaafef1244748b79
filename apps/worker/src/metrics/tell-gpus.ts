import type { RunCommand } from "@latentfarm/engine";
import type { Metrics } from "@latentfarm/telemetry";

/** What nvidia-smi is asked for. Source: `nvidia-smi --help-query-gpu`. */
const QUERY = "index,utilization.gpu,memory.used,memory.total,power.draw,temperature.gpu";

/** Milliseconds that a scrape waits for nvidia-smi: scrapers give up after 10 s, and the rest is worth having. */
const WAIT_MS_MAX = 3_000;

const MEBIBYTE = 1024 ** 2;
const PERCENT = 100;

const GAUGES = [
  ["farm_gpu_busy_ratio", 1 / PERCENT],
  ["farm_gpu_memory_bytes", MEBIBYTE],
  ["farm_gpu_memory_max_bytes", MEBIBYTE],
  ["farm_gpu_power_watts", 1],
  ["farm_gpu_temperature_celsius", 1],
] as const;

/**
 * Has nvidia-smi asked before each scrape, where there is one; a machine without is asked once. One run at a time, so
 * that a driver that hangs holds one process and not one a scrape; what it told before is forgotten meanwhile.
 */
export function tellGpus(metrics: Metrics, run: RunCommand, waitMsMax: number = WAIT_MS_MAX): void {
  let asking: Promise<void> | undefined;
  let answered = false;
  let absent = false;

  async function ask(): Promise<void> {
    const output = await run("nvidia-smi", [`--query-gpu=${QUERY}`, "--format=csv,noheader,nounits"]);
    for (const [name] of GAUGES) metrics.forget(name);
    absent = output === undefined && !answered;
    if (output === undefined) return;
    answered = true;
    for (const line of output.trim().split("\n")) tellGpu(metrics, line);
  }

  metrics.onScrape(async () => {
    if (absent) return;
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    const isLate = await lateAfter(asking, waitMsMax);
    if (isLate) for (const [name] of GAUGES) metrics.forget(name);
  });
}

/** Reads a line such as `0, 87, 18011, 23034, 71.52, 64`; a field that a GPU does not have is `[N/A]`. */
function tellGpu(metrics: Metrics, line: string): void {
  const [index = "", ...values] = line.split(",").map((field) => field.trim());
  if (!/^\d+$/.test(index)) return;
  for (const [at, [name, unit]] of GAUGES.entries()) {
    const text = values[at] ?? "";
    if (/^\d+(\.\d+)?$/.test(text)) metrics.set(name, { gpu: index }, Number(text) * unit);
  }
}

async function lateAfter(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), ms);
  });
  try {
    return await Promise.race([work.then(() => false), late]);
  } finally {
    clearTimeout(timer);
  }
}
