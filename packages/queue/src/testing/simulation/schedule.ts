/** Something that happens at a virtual time. */
interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void | Promise<void>;
}

/** What is yet to happen, by virtual time, and in the order of asking where the times are equal. */
export class Schedule {
  #nowMs: number;
  #order = 0;
  readonly #heap: Entry[] = [];

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  /** The virtual time in milliseconds. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Has something happen after a virtual wait. */
  after(waitMs: number, act: () => void | Promise<void>): void {
    const entry = { atMs: this.#nowMs + Math.max(0, Math.round(waitMs)), order: this.#order++, act };
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(entry, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  /** Takes the next thing out and lets time pass up to it; undefined when nothing is to come. */
  next(): (() => void | Promise<void>) | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (heap.length > 0) this.#sink(last);
    this.#nowMs = first.atMs;
    return first.act;
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (!isBefore(child, entry)) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = entry;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
