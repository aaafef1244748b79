import type { Tenant } from "@latentfarm/contract";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type DirectorySource, KeyDirectory, type StoredKey } from "./key-directory.js";
import { KEY_CACHE_MS, TENANTS_MAX, UNKNOWN_KEY_CHECK_MS } from "./limits.js";

const ID = "0123456789AB";
/** Milliseconds of a slow answer. */
const SLOW_MS = 20;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function stored(id: string): StoredKey {
  const key = {
    id,
    tenant: "default",
    name: "",
    scopes: ["read" as const],
    requests_per_minute: null,
    created_at: "2026-01-01T00:00:00.000Z",
    revoked_at: null,
  };
  return { key, digest: "0".repeat(64), record: "" };
}

/** A source in memory that counts what it is asked, and a directory over it on the fake clock. */
function directoryOf(ids: readonly string[]) {
  const state = { version: ids.length === 0 ? null : "1", ids: [...ids], weight: 1, down: false, slowMs: 0 };
  const asked = { version: 0, keys: 0, tenant: 0 };
  /** What is told is what stood when it was asked; `slowMs` is how long the answer is on its way. */
  const answer = async <T>(value: () => T): Promise<T> => {
    if (state.down) throw new Error("down");
    const told = value();
    if (state.slowMs > 0) await new Promise((resolve) => setTimeout(resolve, state.slowMs));
    return told;
  };
  const source: DirectorySource = {
    readVersion: () =>
      answer(() => {
        asked.version++;
        return state.version;
      }),
    readKeys: () =>
      answer(() => {
        asked.keys++;
        return { version: state.version, keys: new Map(state.ids.map((id) => [id, stored(id)])) };
      }),
    readTenant: (name) =>
      answer((): Tenant => {
        asked.tenant++;
        return { name, weight: state.weight, limits: {} };
      }),
  };
  const change = (what: () => void) => {
    what();
    state.version = `${state.version}+`;
  };
  return { directory: new KeyDirectory(source, () => Date.now()), state, asked, change };
}

describe("KeyDirectory", () => {
  it("KeyDirectory reads a known key once and then goes by it for the stated time, not longer", async () => {
    const { directory, state, asked, change } = directoryOf([ID]);
    expect(await directory.find(ID)).toBeDefined();
    change(() => (state.ids = []));
    await vi.advanceTimersByTimeAsync(KEY_CACHE_MS / 2 - 1);
    expect(await directory.find(ID)).toBeDefined();
    expect(asked).toEqual({ version: 1, keys: 1, tenant: 0 });
    await vi.advanceTimersByTimeAsync(KEY_CACHE_MS / 2 + 1);
    const found = directory.find(ID);
    await vi.advanceTimersByTimeAsync(UNKNOWN_KEY_CHECK_MS);
    expect(await found).toBeUndefined();
  });

  it("KeyDirectory looks ahead of need, so that a busy process never waits", async () => {
    const { directory, asked } = directoryOf([ID]);
    await directory.find(ID);
    await vi.advanceTimersByTimeAsync(KEY_CACHE_MS / 2);
    await Promise.all([directory.find(ID), directory.find(ID), directory.find(ID)]);
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toEqual({ version: 2, keys: 1, tenant: 0 });
  });

  it("KeyDirectory goes by what it knows while Redis is away, for the stated time, and then says so", async () => {
    const { directory, state } = directoryOf([ID]);
    await directory.find(ID);
    state.down = true;
    await vi.advanceTimersByTimeAsync(KEY_CACHE_MS - 1);
    expect(await directory.find(ID)).toBeDefined();
    await vi.advanceTimersByTimeAsync(1);
    await expect(directory.find(ID)).rejects.toThrow("down");
    state.down = false;
    expect(await directory.find(ID)).toBeDefined();
  });

  it("KeyDirectory answers any number of made-up keys with ten looks a second and remembers none", async () => {
    const { directory, asked } = directoryOf([ID]);
    await directory.find(ID);
    const before = asked.version;
    const answers: Promise<unknown>[] = [];
    const spanMs = 1_000;
    for (let ms = 0; ms < spanMs; ms += 10) {
      for (let i = 0; i < 50; i++) answers.push(directory.find(`MADEUP${ms}X${i}`));
      await vi.advanceTimersByTimeAsync(10);
    }
    await vi.advanceTimersByTimeAsync(UNKNOWN_KEY_CHECK_MS);
    expect((await Promise.all(answers)).every((answer) => answer === undefined)).toBe(true);
    expect(asked.version - before).toBeLessThanOrEqual(spanMs / UNKNOWN_KEY_CHECK_MS + 1);
    expect(asked.keys).toBe(1);
  });

  it("KeyDirectory finds a key that was made just before the question", async () => {
    const { directory, state, change } = directoryOf([ID]);
    await directory.find(ID);
    change(() => state.ids.push("NEW"));
    const found = directory.find("NEW");
    await vi.advanceTimersByTimeAsync(UNKNOWN_KEY_CHECK_MS);
    expect(await found).toBeDefined();
  });

  it("KeyDirectory does not take a look that began before the question for an answer", async () => {
    const { directory, state, change } = directoryOf([ID]);
    await directory.find(ID);
    await vi.advanceTimersByTimeAsync(KEY_CACHE_MS / 2);
    // This look is told the version now; the key is made while the answer is on its way.
    state.slowMs = SLOW_MS;
    await directory.find(ID);
    change(() => state.ids.push("NEW"));
    const found = directory.find("NEW");
    await vi.advanceTimersByTimeAsync(UNKNOWN_KEY_CHECK_MS + 3 * SLOW_MS);
    expect(await found).toBeDefined();
  });

  it("KeyDirectory reads anew after expire(), and an answer that was on its way does not undo it", async () => {
    const { directory, state, asked, change } = directoryOf([ID]);
    await directory.find(ID);
    await vi.advanceTimersByTimeAsync(KEY_CACHE_MS / 2);
    state.slowMs = SLOW_MS;
    await directory.find(ID);
    change(() => (state.ids = []));
    directory.expire();
    const found = directory.find(ID);
    await vi.advanceTimersByTimeAsync(UNKNOWN_KEY_CHECK_MS + 4 * SLOW_MS);
    expect(await found).toBeUndefined();
    expect(asked.keys).toBe(2);
  });

  it("KeyDirectory does not count a look from before expire() as a confirmation", async () => {
    const { directory, state, change } = directoryOf([ID]);
    await directory.find(ID);
    await vi.advanceTimersByTimeAsync(KEY_CACHE_MS / 2);
    state.slowMs = SLOW_MS;
    await directory.find(ID);
    change(() => (state.ids = []));
    directory.expire();
    // Nobody asks until the old answer has arrived.
    await vi.advanceTimersByTimeAsync(SLOW_MS);
    const found = directory.find(ID);
    await vi.advanceTimersByTimeAsync(UNKNOWN_KEY_CHECK_MS + 3 * SLOW_MS);
    expect(await found).toBeUndefined();
  });

  it("KeyDirectory counts the age of an answer from its question", async () => {
    const { directory, state, change } = directoryOf([ID]);
    state.slowMs = SLOW_MS;
    const first = directory.find(ID);
    // Both answers, the version and the keys, are on their way for as long.
    await vi.advanceTimersByTimeAsync(2 * SLOW_MS);
    await first;
    change(() => (state.ids = []));
    await vi.advanceTimersByTimeAsync(KEY_CACHE_MS - 2 * SLOW_MS);
    const found = directory.find(ID);
    await vi.advanceTimersByTimeAsync(UNKNOWN_KEY_CHECK_MS + 3 * SLOW_MS);
    expect(await found).toBeUndefined();
  });

  it("hasKeys() is told anew while there are none, and stays true once there was one", async () => {
    const { directory, state, change } = directoryOf([]);
    expect(await directory.hasKeys()).toBe(false);
    change(() => state.ids.push(ID));
    await vi.advanceTimersByTimeAsync(KEY_CACHE_MS);
    expect(await directory.hasKeys()).toBe(true);
    change(() => (state.ids = []));
    await vi.advanceTimersByTimeAsync(KEY_CACHE_MS);
    expect(await directory.hasKeys()).toBe(true);
  });

  it("tenant() reads each tenant once until something changes, and keeps no failure", async () => {
    const { directory, state, asked, change } = directoryOf([ID]);
    await directory.tenant("a");
    await vi.advanceTimersByTimeAsync(KEY_CACHE_MS);
    expect(await directory.tenant("a")).toMatchObject({ name: "a", weight: 1 });
    expect(asked.tenant).toBe(1);
    change(() => (state.weight = 5));
    await vi.advanceTimersByTimeAsync(KEY_CACHE_MS);
    expect(await directory.tenant("a")).toMatchObject({ weight: 5 });
    state.down = true;
    await expect(directory.tenant("b")).rejects.toThrow("down");
    state.down = false;
    expect(await directory.tenant("b")).toMatchObject({ name: "b" });
  });

  it("tenant() forgets the tenants at the cap instead of growing", async () => {
    const { directory, asked } = directoryOf([ID]);
    for (let i = 0; i <= TENANTS_MAX; i++) await directory.tenant(`t${i}`);
    await directory.tenant("t0");
    expect(asked.tenant).toBe(TENANTS_MAX + 2);
  });
});
