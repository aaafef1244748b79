import type { ClassClaim } from "../class-turns.js";

/** A wait so far: what others spent and in how many batches, and what bounds it. */
interface Wait {
  spent: number;
  batches: number;
  cost: number;
  weight: number;
  otherWeights: number;
  readonly otherCosts: number;
}

/** The waits of classes; see {@link watchWaits}. */
export interface WaitWatch {
  see(claims: readonly ClassClaim[]): void;
  serve(served: string, cost: number): void;
  /** The waits that go on. */
  all(): readonly Wait[];
}

/**
 * Follows the waits of classes, for tests of their bound: call `see` with the claims before each turn and `serve` with
 * what was served after it. What bounds a wait is taken from the claims that were really there.
 */
export function watchWaits(): WaitWatch {
  const waits = new Map<string, Wait>();
  /** The largest cost that each class asked for without a break. */
  const largest = new Map<string, number>();
  return {
    see: (claims) => {
      const isGone = (key: string) => claims.every((claim) => claim.key !== key);
      for (const key of [...largest.keys()].filter(isGone)) {
        waits.delete(key);
        largest.delete(key);
      }
      for (const { key, cost } of claims) largest.set(key, Math.max(cost, largest.get(key) ?? 0));
      for (const { key, cost, weight } of claims) {
        const others = claims.filter((claim) => claim.key !== key);
        const otherWeights = others.reduce((sum, claim) => sum + claim.weight, 0);
        const otherCosts = others.reduce((sum, claim) => sum + (largest.get(claim.key) ?? 0), 0);
        const wait = waits.get(key) ?? { spent: 0, batches: 0, cost, weight, otherWeights, otherCosts };
        wait.cost = Math.max(wait.cost, cost);
        wait.weight = Math.min(wait.weight, weight);
        wait.otherWeights = Math.max(wait.otherWeights, otherWeights);
        waits.set(key, wait);
      }
    },
    serve: (served, cost) => {
      waits.delete(served);
      for (const wait of waits.values()) {
        wait.spent += cost;
        wait.batches += 1;
      }
    },
    all: () => [...waits.values()],
  };
}
