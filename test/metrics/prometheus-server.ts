import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, REPOSITORY_ROOT } from "../harness/index.js";

/** An empty Prometheus answers within a second; two cores may be busy with a farm. */
const READY_MS_MAX = 30_000;
const READY_POLL_MS = 100;
/** Milliseconds for it to write what it holds. */
const STOP_MS_MAX = 10_000;

/** What is scraped: host and port by job. */
export type Targets = Readonly<Record<string, readonly string[]>>;

/** One series of an answer: its labels and its samples, `[seconds, value]`. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

/** One rule as Prometheus has read it. */
export interface Rule {
  readonly name: string;
  readonly query: string;
  readonly type: "alerting" | "recording";
  readonly health: string;
  readonly lastError?: string;
}

/** A Prometheus of a test's own. */
export interface PrometheusServer extends AsyncDisposable {
  readonly url: string;
  /** Evaluates over the time since `fromMs`, once a second. Throws what Prometheus says of a wrong expression. */
  queryRange(expr: string, fromMs: number): Promise<readonly Series[]>;
  rules(): Promise<readonly Rule[]>;
}

/** True when both tools of Debian's package are on the path. */
export function hasPrometheus(): boolean {
  return ["prometheus", "promtool"].every((tool) => spawnSync(tool, ["--version"]).status === 0);
}

/** Starts a Prometheus on a free port that scrapes once a second and evaluates the farm's rules. */
export async function startPrometheus(dir: string, targets: Targets): Promise<PrometheusServer> {
  await mkdir(dir, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const config = {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: [path.join(REPOSITORY_ROOT, "infra", "prometheus", "rules.yml")],
    scrape_configs: Object.entries(targets).map(([job, addresses]) => ({
      job_name: job,
      static_configs: [{ targets: addresses }],
    })),
  };
  const file = path.join(dir, "prometheus.json");
  await writeFile(file, JSON.stringify(config));
  const child = spawn(
    "prometheus",
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${path.join(dir, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: "ignore" },
  );
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
    child.kill("SIGTERM");
    await once(child, "exit");
    clearTimeout(timer);
  };
  try {
    await whenReady(url, () => child.exitCode);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    async queryRange(expr, fromMs) {
      const query = new URLSearchParams({
        query: expr,
        start: String(fromMs / 1000),
        end: String(Date.now() / 1000),
        step: "1",
      });
      return (await ask<{ result: Series[] }>(`${url}/api/v1/query_range?${query}`)).result;
    },
    async rules() {
      const { groups } = await ask<{ groups: { rules: Rule[] }[] }>(`${url}/api/v1/rules`);
      return groups.flatMap(({ rules }) => rules);
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function whenReady(url: string, exitCode: () => number | null): Promise<void> {
  const deadline = performance.now() + READY_MS_MAX;
  for (;;) {
    const answer = await fetch(`${url}/-/ready`).catch(() => undefined);
    if (answer?.ok) return;
    if (exitCode() !== null || performance.now() > deadline)
      throw new Error(`Cannot start prometheus: exit code is ${exitCode()}`);
    await delay(READY_POLL_MS);
  }
}

/** The data of an answer; its form is Prometheus' own. Source: prometheus.io, "HTTP API". */
async function ask<Data>(url: string): Promise<Data> {
  const answer = (await (await fetch(url)).json()) as { data?: Data; error?: string };
  if (answer.data === undefined) throw new Error(`Cannot evaluate ${url}: ${answer.error}`);
  return answer.data;
}
