import { type ApiKey, FarmError } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { bounded } from "../redis/errors.js";
import { RATE_WINDOW_SECONDS, RATES_MAX } from "./limits.js";
import { RATE_PREFIX } from "./redis-keys.js";

const MS_PER_SECOND = 1_000;

/**
 * Counts the requests of keys, over all gateways together. The window is fixed: it opens with a key's first request and
 * lasts a minute, so around its end twice the rate can pass within a minute. A key that has used its rate up is refused
 * out of this process's memory until the window ends; its further requests cost Redis nothing.
 */
export class RequestRates {
  readonly #redis: Redis;
  /** By requests a minute: a limiter has one rate. */
  readonly #limiters = new Map<number, RateLimiterRedis>();

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /**
   * Counts a request of a key; one without a rate is not counted.
   * @throws {FarmError} rate_limited; queue_unavailable
   */
  async count(key: ApiKey): Promise<void> {
    const rate = key.requests_per_minute;
    if (rate === null) return;
    const limiter = this.#limiterOf(rate);
    const refusal = await bounded("count a request", () =>
      limiter.consume(key.id).then(
        () => undefined,
        // The library rejects with a result when the rate is used up, and with an error when Redis fails.
        (reason: unknown) => {
          if (reason instanceof RateLimiterRes) return reason;
          throw reason;
        },
      ),
    );
    if (refusal !== undefined) throw rateLimited(rate, refusal.msBeforeNext);
  }

  #limiterOf(rate: number): RateLimiterRedis {
    const present = this.#limiters.get(rate);
    if (present !== undefined) return present;
    if (this.#limiters.size >= RATES_MAX) this.#limiters.clear();
    const limiter = new RateLimiterRedis({
      storeClient: this.#redis,
      keyPrefix: RATE_PREFIX,
      points: rate,
      duration: RATE_WINDOW_SECONDS,
      inMemoryBlockOnConsumed: rate,
    });
    this.#limiters.set(rate, limiter);
    return limiter;
  }
}

function rateLimited(rate: number, waitMs: number): FarmError {
  const seconds = Math.max(1, Math.ceil(waitMs / MS_PER_SECOND));
  const limit = "requests_per_minute";
  const message = `must be at most ${rate} (limit ${limit}); try again in ${seconds} s`;
  return new FarmError(
    "rate_limited",
    `Cannot take the request as the key's rate is used up: ${limit} is ${rate}`,
    { details: { limit, retry_after_seconds: seconds, errors: [{ path: `limits.${limit}`, message }] } },
  );
}
