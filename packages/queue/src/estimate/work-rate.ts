import { RATE_HALF_LIFE_MS } from "../limits.js";

const MS_PER_SECOND = 1_000;

/**
 * How fast a worker works: megapixel-steps a second of the time in which it has frames, what is older counting less.
 * Idle time says nothing of how fast it is, so none of it counts. Time goes in together with what was drawn in it, at the
 * end of a frame: else a rate would fall in the midst of each frame, to a thirtieth where one takes five half-lives.
 */
export class WorkRate {
  readonly #nowMs: () => number;
  #inFlight = 0;
  #lookedMs = 0;
  /** Time with frames in flight since the last of them ended. */
  #openMs = 0;
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
    const kept = 0.5 ** (this.#openMs / RATE_HALF_LIFE_MS);
    this.#busyMs = this.#busyMs * kept + this.#openMs;
    this.#cost = this.#cost * kept + cost;
    this.#openMs = 0;
  }

  /** Megapixel-steps a second; null before the first frame is drawn. */
  get value(): number | null {
    return this.#cost === 0 || this.#busyMs === 0 ? null : (this.#cost / this.#busyMs) * MS_PER_SECOND;
  }

  #look(): void {
    const now = this.#nowMs();
    if (this.#inFlight > 0) this.#openMs += now - this.#lookedMs;
    this.#lookedMs = now;
  }
}
