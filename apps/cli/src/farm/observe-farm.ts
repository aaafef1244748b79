import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import type { Environment } from "../config/env.js";
import type { LocalFarm } from "./farm.js";
import { thisMachine } from "./machine.js";
import { findPrometheus, PROMETHEUS_ADVICE } from "./prometheus-binary.js";
import { type PrometheusAddress, startPrometheus } from "./prometheus-process.js";
import { RESTART_POLICY, type Supervised } from "./supervisor.js";

/** What a Prometheus beside a farm needs. */
export interface ObserveOptions {
  readonly environment: Environment;
  readonly farm: Pick<LocalFarm, "targets">;
  readonly stateDir: string;
  readonly signal: AbortSignal;
  log(line: string): void;
}

/** Milliseconds for Prometheus to write what it holds. */
const DRAIN_MS_MAX = 15_000;

/** What to say about a Prometheus; disposing of it ends it. */
export interface Observer extends AsyncDisposable {
  readonly line: string;
}

/**
 * Starts Prometheus beside a farm, where it is installed; else says what is missing. A farm draws without it, so that
 * nothing is installed for it and a Prometheus that does not start is only told.
 */
export async function observeFarm(options: ObserveOptions): Promise<Observer> {
  const { environment, farm, stateDir, signal, log } = options;
  const binary = findPrometheus(thisMachine(environment.path, log));
  if (binary === undefined) {
    const missing =
      "no Prometheus: prometheus and promtool are not on the path. Install them, then start again:";
    return absent(`${missing}\n${PROMETHEUS_ADVICE}`);
  }
  try {
    const prometheus = await startPrometheus({
      binary,
      dir: join(stateDir, "prometheus"),
      logPath: join(stateDir, "logs", "prometheus.log"),
      env: environment.inherited,
      targets: farm.targets,
      policy: RESTART_POLICY,
      signal,
      log,
    });
    return present(prometheus);
  } catch (error) {
    if (!(error instanceof FarmError)) throw error;
    return absent(`no Prometheus: ${error.message}`);
  }
}

function absent(line: string): Observer {
  return { line, [Symbol.asyncDispose]: async () => undefined };
}

function present(prometheus: Supervised<PrometheusAddress>): Observer {
  // The last resort when this process ends without a drain, as at a second Ctrl-C.
  const kill = () => prometheus.kill();
  process.once("exit", kill);
  const { url } = prometheus.ready();
  return {
    line: `Prometheus: ${url}/graph, alerts at ${url}/alerts; infra/grafana has the dashboards for a Grafana on it`,
    async [Symbol.asyncDispose]() {
      await prometheus.stop(DRAIN_MS_MAX);
      process.off("exit", kill);
    },
  };
}
