/** A policy of an HPA: how much may change within a period. */
export interface RatePolicy {
  readonly type: "pods" | "percent";
  readonly value: number;
  readonly periodSeconds: number;
}

/** One direction of an HPA's behaviour. */
export interface ScalingRules {
  readonly stabilizationSeconds: number;
  readonly policies: readonly RatePolicy[];
  readonly select: "max" | "min";
}

/** What of an HPA is set. */
export interface HpaSettings {
  /** `average_value` divides the metric by the target; `value` has it as a ratio times the pods that are ready. */
  readonly metricType: "average_value" | "value";
  readonly target: number;
  readonly min: number;
  readonly max: number;
  readonly up: ScalingRules;
  readonly down: ScalingRules;
}

/** The pods that an HPA sees. */
export interface SeenPods {
  /** Those that are wanted. */
  readonly replicas: number;
  readonly ready: number;
}

interface Event {
  readonly atMs: number;
  readonly change: number;
}

/** The ratio of metric to target within which nothing changes: the controller's default. */
const TOLERANCE = 0.1;

const MS_PER_SECOND = 1_000;

/**
 * The controller behind a HorizontalPodAutoscaler, for one external metric: formula and tolerance, then the stabilisation
 * windows, then the rate policies, then the bounds.
 * Source: kubernetes/kubernetes, pkg/controller/podautoscaler (replica_calculator.go, horizontal.go).
 */
export class HorizontalAutoscaler {
  readonly #settings: HpaSettings;
  #recommendations: readonly { readonly atMs: number; readonly replicas: number }[] = [];
  #ups: readonly Event[] = [];
  #downs: readonly Event[] = [];

  constructor(settings: HpaSettings) {
    this.#settings = settings;
  }

  /** The replicas that are wanted from now on; a metric that is not known changes nothing. */
  sync(nowMs: number, metric: number | undefined, pods: SeenPods): number {
    const { min, max } = this.#settings;
    const { replicas } = pods;
    // At zero the autoscaler is off: who scaled there scales back.
    if (replicas === 0) return 0;
    const wanted = replicas > max ? max : replicas < min ? min : this.#follow(nowMs, metric, pods);
    if (wanted > replicas) this.#ups = [...this.#ups, { atMs: nowMs, change: wanted - replicas }];
    if (wanted < replicas) this.#downs = [...this.#downs, { atMs: nowMs, change: replicas - wanted }];
    return wanted;
  }

  #follow(nowMs: number, metric: number | undefined, pods: SeenPods): number {
    if (metric === undefined) return pods.replicas;
    const proposed = proposeReplicas(this.#settings, metric, pods);
    return this.#limit(nowMs, this.#stabilize(nowMs, proposed, pods), pods);
  }

  /** The least of a window's proposals on the way up, the most on the way down. */
  #stabilize(nowMs: number, proposed: number, { replicas }: SeenPods): number {
    const { up, down } = this.#settings;
    const isUp = proposed >= replicas;
    const windowMs = (isUp ? up : down).stabilizationSeconds * MS_PER_SECOND;
    const keptMs = Math.max(up.stabilizationSeconds, down.stabilizationSeconds) * MS_PER_SECOND;
    const recent = this.#recommendations.filter(({ atMs }) => atMs > nowMs - windowMs);
    const values = [proposed, ...recent.map((one) => one.replicas)];
    this.#recommendations = [
      ...this.#recommendations.filter(({ atMs }) => atMs >= nowMs - keptMs),
      { atMs: nowMs, replicas: proposed },
    ];
    return isUp ? Math.min(...values) : Math.max(...values);
  }

  #limit(nowMs: number, wanted: number, { replicas }: SeenPods): number {
    const { up, down, min, max } = this.#settings;
    const longest = Math.max(...[...up.policies, ...down.policies].map(({ periodSeconds }) => periodSeconds));
    this.#ups = keepRecent(this.#ups, nowMs, longest);
    this.#downs = keepRecent(this.#downs, nowMs, longest);
    if (wanted > replicas) {
      const proposals = up.policies.map(({ type, value, periodSeconds }) => {
        const start = replicas - this.#netSince(nowMs, periodSeconds);
        return type === "pods" ? start + value : Math.ceil(start * (1 + value / 100));
      });
      const limit = Math.max(replicas, up.select === "max" ? Math.max(...proposals) : Math.min(...proposals));
      return Math.min(wanted, limit, max);
    }
    if (wanted < replicas) {
      const proposals = down.policies.map(({ type, value, periodSeconds }) => {
        const start = replicas - this.#netSince(nowMs, periodSeconds);
        return type === "pods" ? start - value : Math.trunc(start * (1 - value / 100));
      });
      const limit = Math.min(
        replicas,
        down.select === "max" ? Math.min(...proposals) : Math.max(...proposals),
      );
      return Math.max(wanted, limit, min);
    }
    return wanted;
  }

  /** Replicas added within a period, those taken away counted off. */
  #netSince(nowMs: number, periodSeconds: number): number {
    return changeSince(this.#ups, nowMs, periodSeconds) - changeSince(this.#downs, nowMs, periodSeconds);
  }
}

/** The replicas that the metric alone asks for. */
export function proposeReplicas(
  { metricType, target }: Pick<HpaSettings, "metricType" | "target">,
  metric: number,
  { replicas, ready }: SeenPods,
): number {
  const ratio = metricType === "value" ? metric / target : metric / (target * replicas);
  if (Math.abs(1 - ratio) <= TOLERANCE) return replicas;
  return metricType === "value" ? Math.ceil(ratio * ready) : Math.ceil(metric / target);
}

function changeSince(events: readonly Event[], nowMs: number, seconds: number): number {
  const since = nowMs - seconds * MS_PER_SECOND;
  return events.filter(({ atMs }) => atMs > since).reduce((sum, { change }) => sum + change, 0);
}

function keepRecent(events: readonly Event[], nowMs: number, seconds: number): readonly Event[] {
  return events.filter(({ atMs }) => atMs >= nowMs - seconds * MS_PER_SECOND);
}
