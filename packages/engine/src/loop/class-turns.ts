/**
 * The least that a call costs, in patches: one row of 256 x 256 pixels. However few rows it has, it reads all weights;
 * on a CPU three quarters of a step of SD3.5 Large go into their dequantization.
 */
export const CALL_COST_MIN = 256;

/** The cost of a denoiser call, in patches: rows times image patches, and at least {@link CALL_COST_MIN}. */
export function callCost(rows: number, patches: number): number {
  return Math.max(CALL_COST_MIN, rows * patches);
}

/** A class that has a call to run. */
export interface ClassClaim {
  readonly key: string;
  /** Of its next call, from {@link callCost}. */
  readonly cost: number;
  /** Its share of the device beside the other classes' weights; above 0. */
  readonly weight: number;
}

/** Decides whose turn it is. */
export interface ClassTurns {
  /** Gives the turn to one of the classes that have a call to run, and charges it; undefined without claims. */
  next(claims: readonly ClassClaim[]): string | undefined;
}

/** What bounds the wait of a class; each value the worst during the wait. */
export interface TurnWait {
  /** The largest cost of a call of the class itself. */
  readonly cost: number;
  /** The least weight of the class itself. */
  readonly weight: number;
  /** The sum of the largest call costs of the other classes that had a call to run when the wait began. */
  readonly otherCosts: number;
  /** The largest sum of the weights of the other classes that had a call to run at one time. */
  readonly otherWeights: number;
}

/**
 * The most that runs of other classes cost while a class that has a call to run waits for its turn:
 *
 *     otherCosts + cost * otherWeights / weight
 *
 * When the wait begins each other class holds at most the credit of one call of its own. From then on all gain credit
 * at the pace of their weights, and no more than it takes the waiting class to gain the cost of its call. Nobody
 * spends credit that it does not hold. Classes that come and go do not add to it: each begins without credit. As a
 * call costs {@link CALL_COST_MIN} or more, the bound divided by that bounds the wait in batches.
 */
export function turnWaitMax({ cost, weight, otherCosts, otherWeights }: TurnWait): number {
  return otherCosts + (cost * otherWeights) / weight;
}

/**
 * Deficit round robin, weighted, with a quantum that goes to nothing: the rounds in which no class could pay for its
 * call are skipped in one computation, and no class runs several calls in a row only because its quantum allows for
 * it. A class without a call loses its credit. Equal claims are served in turn.
 * Source: Shreedhar and Varghese, "Efficient Fair Queuing using Deficit Round Robin", 1995.
 */
export function createClassTurns(): ClassTurns {
  /** Credit in patches; the class that was served the longest ago comes first. */
  const credits = new Map<string, number>();
  return {
    next: (claims) => {
      const byKey = new Map(claims.map((claim) => [claim.key, claim]));
      for (const key of credits.keys()) if (!byKey.has(key)) credits.delete(key);
      for (const key of byKey.keys()) if (!credits.has(key)) credits.set(key, 0);
      let served: ClassClaim | undefined;
      let rounds = Number.POSITIVE_INFINITY;
      for (const [key, credit] of credits) {
        const claim = byKey.get(key);
        if (claim === undefined) continue;
        const needed = Math.max(0, (claim.cost - credit) / claim.weight);
        if (needed >= rounds) continue;
        rounds = needed;
        served = claim;
      }
      if (served === undefined) return undefined;
      for (const claim of claims) {
        credits.set(claim.key, (credits.get(claim.key) ?? 0) + rounds * claim.weight);
      }
      const left = (credits.get(served.key) ?? 0) - served.cost;
      credits.delete(served.key);
      credits.set(served.key, Math.max(0, left));
      return served.key;
    },
  };
}
