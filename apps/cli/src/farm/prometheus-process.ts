import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "../root.js";
import { createProcessLog } from "./process-log.js";
import { noteProcess, stopLeftover } from "./redis-process.js";
import { type ProcessPlan, type Supervised, type SuperviseOptions, supervise } from "./supervisor.js";
import { freePort } from "./tcp-port.js";

/** Where a process of the farm tells its metrics. */
export interface MetricsTarget {
  readonly job: "gateway" | "worker" | "courier";
  /** The process's name in log lines. */
  readonly name: string;
  /** Such as `127.0.0.1:9465`. */
  readonly address: string;
}

/** Where the farm's Prometheus answers. */
export interface PrometheusAddress {
  readonly url: string;
}

/** What the farm's own Prometheus needs. */
export interface PrometheusOptions extends SuperviseOptions {
  readonly binary: string;
  /** Holds its configuration and its data. */
  readonly dir: string;
  readonly logPath: string;
  readonly env: Readonly<Record<string, string>>;
  readonly targets: readonly MetricsTarget[];
}

/** Seconds between scrapes: ten of them make a minute's rate, and the dashboards show some hours. */
const SCRAPE_SECONDS = 5;
/** Days and bytes that are kept: a look back over two weeks, on a laptop's disk. */
const KEPT_DAYS = 15;
const KEPT_BYTES = "1GB";
const READY_POLL_MS = 100;

/**
 * Starts a Prometheus beside the farm, on loopback, that scrapes its processes and evaluates its alerts, and keeps it
 * running. One that a killed farm left on the folder is stopped first.
 * @throws {FarmError} internal it does not start
 */
export async function startPrometheus(options: PrometheusOptions): Promise<Supervised<PrometheusAddress>> {
  mkdirSync(options.dir, { recursive: true });
  await stopLeftover(options.dir);
  const file = join(options.dir, "prometheus.yml");
  writeFileSync(file, `${JSON.stringify(configOf(options.targets), null, 2)}\n`);
  return supervise(planOf(options, file, await freePort()), options);
}

/** The configuration; JSON is YAML as well. */
function configOf(targets: readonly MetricsTarget[]) {
  const interval = `${SCRAPE_SECONDS}s`;
  return {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: [join(ROOT, "infra", "prometheus", "rules.yml")],
    scrape_configs: [...new Set(targets.map(({ job }) => job))].map((job) => ({
      job_name: job,
      static_configs: targets
        .filter((target) => target.job === job)
        .map(({ name, address }) => ({ targets: [address], labels: { process: name } })),
    })),
  };
}

function planOf(options: PrometheusOptions, file: string, port: number): ProcessPlan<PrometheusAddress> {
  const log = createProcessLog(options.logPath);
  const url = `http://127.0.0.1:${port}`;
  const args = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(options.dir, "data")}`,
    `--storage.tsdb.retention.time=${KEPT_DAYS}d`,
    `--storage.tsdb.retention.size=${KEPT_BYTES}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=warn",
  ];
  return {
    name: "prometheus",
    logTail: log.tail,
    spawn() {
      const output = log.open();
      // A group of its own: Ctrl-C in the terminal reaches only this process, which then stops the farm in order.
      const child = spawn(options.binary, args, {
        cwd: options.dir,
        env: options.env,
        detached: true,
        stdio: ["ignore", output, output],
      });
      log.close(output);
      child.on("error", () => undefined);
      noteProcess(options.dir, child);
      return child;
    },
    async whenReady(_child, signal) {
      while (!(await answers(`${url}/-/ready`))) await sleep(READY_POLL_MS, undefined, { signal });
      return { url };
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url).catch(() => undefined);
  return response?.ok === true;
}
