import { RATE_HALF_LIFE_MS } from "../limits.js";

const MS_PER_SECOND = 1_000;

/**
 * How fast a worker works: megapixel-steps a second of the time in which it has frames, what is older counting less.
 * Idle time says nothing of how fast it is, so none of it counts.
 */
export class WorkRate {
  readonly #nowMs: () => number;
  #inFlight = 0;
  #lookedMs = 0;
  #busyMs = 0;
  #cost = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A frame has begun. */
  begin(): void {
    this.#look();
    this.#inFlight++;
  }

  /** A frame is over; `cost` is what was drawn of it, in megapixel-steps. */
  end(cost: number): void {
    this.#look();
    this.#inFlight--;
    this.#cost += cost;
  }

  /** Megapixel-steps a second; null before the first frame is drawn. */
  get value(): number | null {
    this.#look();
    return this.#cost === 0 || this.#busyMs === 0 ? null : (this.#cost / this.#busyMs) * MS_PER_SECOND;
  }

  #look(): void {
    const now = this.#nowMs();
    if (this.#inFlight > 0) {
      const passed = now - this.#lookedMs;
      const kept = 0.5 ** (passed / RATE_HALF_LIFE_MS);
      this.#busyMs = this.#busyMs * kept + passed;
      this.#cost *= kept;
    }
    this.#lookedMs = now;
  }
}
