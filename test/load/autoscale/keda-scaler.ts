import { HorizontalAutoscaler, type HpaSettings, type SeenPods } from "./horizontal-autoscaler.js";

/** What of a ScaledObject is set. */
export interface KedaSettings {
  /** Its HPA; `min` may be 0 here, which an HPA's may not. */
  readonly hpa: HpaSettings;
  /** Seconds between looks whether there is work at all; the HPA asks on its own, every 15. */
  readonly pollingSeconds: number;
  /** Seconds without work until the last replica goes. */
  readonly cooldownSeconds: number;
  readonly activation: number;
  /** Replicas after so many failures of the metric, or those there are if they are more. */
  readonly fallback: { readonly failures: number; readonly replicas: number };
}

/**
 * A ScaledObject with one Prometheus trigger: KEDA itself goes from none to one and back, an HPA does the rest.
 * Source: kedacore/keda, pkg/scaling/executor/scale_scaledobjects.go and pkg/fallback/fallback.go (version 2.17).
 */
export class KedaScaler {
  readonly #settings: KedaSettings;
  readonly #hpa: HorizontalAutoscaler;
  #failures = 0;
  #activeMs = 0;

  constructor(settings: KedaSettings) {
    this.#settings = settings;
    const { hpa } = settings;
    this.#hpa = new HorizontalAutoscaler({ ...hpa, min: Math.max(1, hpa.min) });
  }

  /** KEDA's own look; gives the replicas that are wanted. `metric` is undefined when the query failed or gave nothing. */
  poll(nowMs: number, metric: number | undefined, { replicas }: SeenPods): number {
    const { hpa, cooldownSeconds, activation } = this.#settings;
    // With a fallback set, KEDA leaves it to the HPA, which is off at zero: a pool that sleeps is not woken by a fault.
    if (metric === undefined) return replicas;
    if (metric > activation) {
      this.#activeMs = nowMs;
      return replicas === 0 ? Math.max(1, hpa.min) : replicas;
    }
    const isCold = nowMs - this.#activeMs > cooldownSeconds * 1_000;
    return isCold && hpa.min === 0 ? 0 : replicas;
  }

  /** The HPA's turn; gives the replicas that are wanted. */
  sync(nowMs: number, metric: number | undefined, pods: SeenPods): number {
    this.#failures = metric === undefined ? this.#failures + 1 : 0;
    return this.#hpa.sync(nowMs, metric ?? this.#fallbackMetric(pods), pods);
  }

  get #isLost(): boolean {
    return this.#failures > this.#settings.fallback.failures;
  }

  /** What KEDA tells the HPA while the metric is away: the target times the replicas that it should come to. */
  #fallbackMetric({ replicas }: SeenPods): number | undefined {
    const { hpa, fallback } = this.#settings;
    if (!this.#isLost || hpa.metricType !== "average_value") return undefined;
    return hpa.target * Math.max(fallback.replicas, replicas);
  }
}
