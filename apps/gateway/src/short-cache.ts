/** A value that is asked for often and may be a little old. */
export interface ShortCache<Value> {
  /** The value, asked for again when it is too old. Callers at the same time share one question. */
  get(): Promise<Value>;
  /** As `get()`, but of an answer that was asked for after this call. */
  refresh(): Promise<Value>;
}

/** Where a value comes from and how old it may be. */
export interface ShortCacheOptions<Value> {
  readonly load: () => Promise<Value>;
  readonly ageMsMax: number;
  readonly nowMs: () => number;
}

/** Keeps the answer to a question for a while. A failure is not kept. */
export function createShortCache<Value>(options: ShortCacheOptions<Value>): ShortCache<Value> {
  const { load, ageMsMax, nowMs } = options;
  let kept: { readonly atMs: number; readonly value: Promise<Value> } | undefined;
  const ask = (): Promise<Value> => {
    const asked = { atMs: nowMs(), value: load() };
    kept = asked;
    asked.value.catch(() => {
      if (kept === asked) kept = undefined;
    });
    return asked.value;
  };
  return {
    get() {
      const ageMs = kept === undefined ? Number.NaN : nowMs() - kept.atMs;
      // A clock that was set back must not keep an answer for longer.
      return kept !== undefined && ageMs >= 0 && ageMs < ageMsMax ? kept.value : ask();
    },
    refresh: ask,
  };
}
