/** What Prometheus has of one scrape; the names of the metrics beside the fields. */
export interface FarmSample {
  /** Milliseconds of virtual time. */
  readonly atMs: number;
  /** `farm_backlog_megapixel_steps` */
  readonly backlog: number;
  /** `farm_model_frames_queued` */
  readonly queued: number;
  /** `farm_model_frames_running` */
  readonly running: number;
  /** `farm_model_workers` */
  readonly workers: number;
  /** `farm_rate_megapixel_steps_per_second`; null has no series. */
  readonly rate: number | null;
  /** The mean of `farm_gpu_busy_ratio` over the workers; null without any. */
  readonly busy: number | null;
}

/** The same with what only the simulation knows. */
export interface StateSample extends FarmSample {
  readonly ready: number;
  readonly replicas: number;
}

/** Milliseconds between two scrapes. */
export const SCRAPE_MS = 15_000;

/** Milliseconds that an instant query looks back for a sample: Prometheus' own default. */
const LOOKBACK_MS = 300_000;

/** A Prometheus with the scrapes of the gateways, which is away at times. */
export class FarmSamples {
  readonly all: StateSample[] = [];
  readonly #away: readonly (readonly [fromMs: number, toMs: number])[];

  constructor(away: readonly (readonly [fromMs: number, toMs: number])[] = []) {
    this.#away = away;
  }

  /** Keeps what was scraped. */
  keep(sample: StateSample): void {
    this.all.push(sample);
  }

  /** The newest samples of so many milliseconds, the latest last; undefined while no query is answered. */
  recent(nowMs: number, windowMs: number): readonly StateSample[] | undefined {
    if (this.#away.some(([from, to]) => nowMs >= from && nowMs < to)) return undefined;
    const newest = this.all.at(-1);
    if (newest === undefined || nowMs - newest.atMs > LOOKBACK_MS) return undefined;
    const first = this.all.findLastIndex(({ atMs }) => atMs <= newest.atMs - windowMs);
    return this.all.slice(first + 1);
  }
}
