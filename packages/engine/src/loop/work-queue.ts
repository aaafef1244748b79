/**
 * How much work may overtake a frame, as a multiple of its own: short frames that come later delay it by no more than
 * it takes itself. More would lower the mean wait further and stretch the longest.
 */
export const OVERTAKEN_WORK_FACTOR = 1;

/** How an item waits in a {@link WorkQueue}. */
export interface QueuedWork {
  /** All that is left to do for the item when it comes, in any unit. */
  readonly work: number;
  /** Its worth beside other items; above 0. */
  readonly weight: number;
}

/** The items of one class, the one to run first in front. */
export interface WorkQueue<Item> {
  readonly size: number;
  add(item: Item, queued: QueuedWork): void;
  remove(item: Item): void;
  items(): readonly Item[];
}

interface Place<Item> extends QueuedWork {
  readonly item: Item;
  /** Work of later items that may still go before this one. */
  allowance: number;
}

/**
 * Least remaining work first, with a bound on waiting. An item that comes goes before those that have more work left
 * for their weight, as long as each of them still allows for the whole of its work; after that nobody ever changes
 * places. So
 *
 * - an item waits at most for the work that was before it when it came, and {@link OVERTAKEN_WORK_FACTOR} times its
 *   own;
 * - when items run one after the other, the sum of their (weighted) completion times is never above that of first
 *   come, first served: each arrival that goes before others delays them by its own work and gains theirs, which is
 *   more.
 *
 * @param remaining the work that is left of an item now
 */
export function createWorkQueue<Item>(remaining: (item: Item) => number): WorkQueue<Item> {
  const places: Place<Item>[] = [];
  return {
    get size() {
      return places.length;
    },
    add: (item, { work, weight }) => {
      let at = places.length;
      for (const place of [...places].reverse()) {
        const isShorter = work / weight < remaining(place.item) / place.weight;
        if (!isShorter || place.allowance < work) break;
        at -= 1;
      }
      for (const overtaken of places.slice(at)) overtaken.allowance -= work;
      places.splice(at, 0, { item, work, weight, allowance: OVERTAKEN_WORK_FACTOR * work });
    },
    remove: (item) => {
      const at = places.findIndex((place) => place.item === item);
      if (at >= 0) places.splice(at, 1);
    },
    items: () => places.map(({ item }) => item),
  };
}
