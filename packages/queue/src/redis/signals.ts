import type { Redis } from "ioredis";

/**
 * One listening connection for many readers: whoever waits for a channel gets each message on it. Messages are lost
 * while the connection is broken, so a reader looks by itself from time to time.
 */
export class Signals {
  readonly #redis: Redis;
  readonly #listeners = new Map<string, Set<(message: string) => void>>();

  constructor(redis: Redis) {
    this.#redis = redis;
    // What was told while the connection was broken is lost, so everybody looks.
    redis.on("ready", () => {
      for (const listeners of this.#listeners.values()) for (const listener of listeners) listener("");
    });
    redis.on("message", (channel: string, message: string) => {
      for (const listener of this.#listeners.get(channel) ?? []) listener(message);
    });
  }

  /** Listens to a channel until the returned function is called. */
  listen(channel: string, listener: (message: string) => void): () => void {
    const present = this.#listeners.get(channel);
    const listeners = present ?? new Set();
    listeners.add(listener);
    if (present === undefined) {
      this.#listeners.set(channel, listeners);
      // A failure here is a lost connection, which subscribes again by itself; readers look on their own meanwhile.
      this.#redis.subscribe(channel).catch(() => undefined);
    }
    return () => this.#leave(channel, listener);
  }

  #leave(channel: string, listener: (message: string) => void): void {
    const listeners = this.#listeners.get(channel);
    if (listeners === undefined || !listeners.delete(listener) || listeners.size > 0) return;
    this.#listeners.delete(channel);
    this.#redis.unsubscribe(channel).catch(() => undefined);
  }
}
