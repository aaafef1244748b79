import { type Metrics, type MetricsServer, startMetricsServer } from "@latentfarm/telemetry";

/** Whether a worker takes frames, and why not, for whoever asks `/readyz`. */
export interface Readiness {
  /** Why it takes none, in a sentence; undefined while it does. */
  readonly reason: () => string | undefined;
  /** Has the reason asked for from now on; a reason that never changes is given as it is. */
  readonly tell: (reason: string | (() => string | undefined)) => void;
}

/** Begins with a worker that is not ready for this reason. */
export function createReadiness(first: string): Readiness {
  let ask: () => string | undefined = () => first;
  return {
    reason: () => ask(),
    tell: (reason) => {
      ask = typeof reason === "string" ? () => reason : reason;
    },
  };
}

/**
 * Listens for Prometheus and probes, where there is an address for it: from a worker's first moment to its last, so that a
 * probe tells a model that loads for minutes, and a drain, from a process that is gone.
 * @throws {FarmError} config_invalid the address cannot be listened on
 */
export async function serveProbes(
  address: { readonly host: string; readonly port: number } | undefined,
  told: { readonly metrics: Metrics; readonly readiness: Readiness },
): Promise<MetricsServer | undefined> {
  if (address === undefined) return undefined;
  return startMetricsServer({ ...address, metrics: told.metrics, unready: told.readiness.reason });
}
