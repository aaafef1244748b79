import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openDeadline } from "./open-deadline.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("openDeadline()", () => {
  test("openDeadline() aborts when the time is over, and not before", () => {
    using deadline = openDeadline(new AbortController().signal, 100);
    vi.advanceTimersByTime(99);
    expect(deadline.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(deadline.signal.aborted).toBe(true);
  });

  test("openDeadline() aborts with the outer signal, even one that has aborted before", () => {
    const outer = new AbortController();
    using deadline = openDeadline(outer.signal, 100);
    outer.abort();
    expect(deadline.signal.aborted).toBe(true);
    using late = openDeadline(outer.signal, 100);
    expect(late.signal.aborted).toBe(true);
  });

  test("openDeadline() leaves nothing behind once disposed of", () => {
    const outer = new AbortController();
    const deadlines = Array.from({ length: 20 }, () => openDeadline(outer.signal, 100));
    expect(getEventListeners(outer.signal, "abort")).toHaveLength(20);
    for (const deadline of deadlines) deadline[Symbol.dispose]();
    expect(getEventListeners(outer.signal, "abort")).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
