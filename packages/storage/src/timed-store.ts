import { FarmError } from "@latentfarm/contract";
import type { ObjectStore } from "./object-store.js";

/** One call of a store that has ended. */
export interface StoreCall {
  readonly operation: "put" | "get" | "head" | "delete" | "identify";
  readonly durationMs: number;
  /** `unavailable`: the store failed or is away; `failed`: anything else, which is a bug of ours. */
  readonly outcome: "ok" | "unavailable" | "failed";
}

/** The same store, each of whose calls is told when it ends; for metrics. */
export function createTimedStore(store: ObjectStore, onCall: (call: StoreCall) => void): ObjectStore {
  async function timed<Result>(
    operation: StoreCall["operation"],
    call: () => Promise<Result>,
  ): Promise<Result> {
    const startMs = performance.now();
    let outcome: StoreCall["outcome"] = "failed";
    try {
      const result = await call();
      outcome = "ok";
      return result;
    } catch (error) {
      if (error instanceof FarmError && error.code === "store_unavailable") outcome = "unavailable";
      throw error;
    } finally {
      onCall({ operation, durationMs: performance.now() - startMs, outcome });
    }
  }
  return {
    // A listing lasts as long as its reader, and a signature asks the store nothing: both go through untimed.
    ...store,
    put: (key, bytes, info) => timed("put", () => store.put(key, bytes, info)),
    get: (key) => timed("get", () => store.get(key)),
    head: (key) => timed("head", () => store.head(key)),
    delete: (key) => timed("delete", () => store.delete(key)),
    identify: () => timed("identify", () => store.identify()),
  };
}
