import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type LockOptions, takeLock } from "./cache-lock.js";

/** What happens just before a file is opened, as to a process that is still in between. */
const between = vi.hoisted(() => ({ open: async (_path: string): Promise<void> => undefined }));
vi.mock("node:fs/promises", async (original) => {
  const fs: typeof import("node:fs/promises") = await original();
  const open: typeof fs.open = async (file, ...how) => {
    await between.open(String(file));
    return fs.open(file, ...how);
  };
  return { ...fs, open };
});

const TIMES = { beatMs: 20, staleMs: 400, pollMs: 5 };
/** A holder that gives no sign of life, as one that was killed. */
const DEAD = { ...TIMES, beatMs: 1_000_000 };

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "latentfarm-lock-"));
});
afterEach(async () => {
  between.open = async () => undefined;
  await rm(dir, { recursive: true, force: true });
});

const take = (changes: Partial<LockOptions> = {}) =>
  takeLock({ dir, name: "m", signal: new AbortController().signal, times: TIMES, ...changes });

describe("takeLock()", () => {
  it("takeLock() waits for who holds it, and tells how far that one is", async () => {
    const first = await take();
    first.tell({ doneBytes: 3, totalBytes: 9 });
    const onWait = vi.fn();
    const second = take({ onWait });
    await expect.poll(() => onWait.mock.lastCall).toEqual([{ doneBytes: 3, totalBytes: 9 }]);
    await delay(2 * TIMES.staleMs);
    expect(await first.isHeld()).toBe(true);
    await first[Symbol.asyncDispose]();
    expect(await (await second).isHeld()).toBe(true);
    await (await second)[Symbol.asyncDispose]();
  });

  it("takeLock() takes over from a holder that is still, which then knows that it has lost it", async () => {
    const dead = await take({ times: DEAD });
    const begin = performance.now();
    await using lock = await take();
    expect(performance.now() - begin).toBeGreaterThan(TIMES.staleMs);
    expect([await dead.isHeld(), await lock.isHeld()]).toEqual([false, true]);
    // What it gives back is no longer its own.
    await dead[Symbol.asyncDispose]();
    expect(await lock.isHeld()).toBe(true);
  });

  it("takeLock() has a holder that beats on see at its next beat that another has it", async () => {
    await using lock = await take();
    await writeFile(join(dir, "m.lock.99"), "another");
    await expect.poll(() => lock.lost.aborted).toBe(true);
  });

  it("takeLock() goes on from the highest number, and leaves no lower one", async () => {
    await writeFile(join(dir, "m.lock.7"), "released");
    await using lock = await take();
    expect(await readdir(dir)).toEqual(["m.lock.8"]);
    expect(await lock.isHeld()).toBe(true);
  });

  it("takeLock() gives nothing to a claim that comes late, behind numbers beyond its own", async () => {
    await writeFile(join(dir, "m.lock.5"), "released");
    between.open = async (path) => {
      if (!path.endsWith(".6")) return;
      // While this process was still, others took 6 and gave it back, and now one holds 7.
      await rm(join(dir, "m.lock.5"));
      await writeFile(join(dir, "m.lock.7"), "another 1 2/3");
    };
    const onWait = vi.fn();
    const late = take({ onWait });
    await expect.poll(() => onWait.mock.lastCall).toEqual([{ doneBytes: 2, totalBytes: 3 }]);
    expect(await readdir(dir)).toEqual(["m.lock.7"]);
    await writeFile(join(dir, "m.lock.7"), "released");
    await using lock = await late;
    expect([await readdir(dir), await lock.isHeld()]).toEqual([["m.lock.8"], true]);
  });

  it("takeLock() passes over what is no claim of its own name", async () => {
    for (const name of ["m.lock.x", "m.lock.0", "m2.lock.5", "m.lock.", "m.lock.1e3"])
      await writeFile(join(dir, name), "");
    await using lock = await take();
    expect(await lock.isHeld()).toBe(true);
  });

  it("takeLock() is held by one at a time among many of which some die", async () => {
    let [holders, holdersMax, turns] = [0, 0, 0];
    const contend = async (index: number) => {
      const dies = index % 5 === 0;
      const lock = await take({ times: dies ? DEAD : TIMES });
      holders++;
      holdersMax = Math.max(holdersMax, holders);
      turns++;
      await delay(3);
      holders--;
      if (!dies) await lock[Symbol.asyncDispose]();
    };
    await Promise.all(Array.from({ length: 20 }, (_, index) => contend(index)));
    expect([holdersMax, turns]).toEqual([1, 20]);
    // One file is left, whatever came and went.
    expect(await readdir(dir)).toHaveLength(1);
  });

  it("takeLock() ends with the signal's reason, and says which folder refuses", async () => {
    await using _lock = await take();
    const stop = new AbortController();
    const waiting = take({ signal: stop.signal });
    const reason = new Error("stopped");
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(take({ dir: join(dir, "absent") })).rejects.toMatchObject({ code: "file_unreadable" });
  });
});
