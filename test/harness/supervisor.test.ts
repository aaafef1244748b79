import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import type { FarmProcess } from "./processes.js";
import { supervise } from "./supervisor.js";

/** A process that lives until it is told not to. */
async function startSleeper(): Promise<FarmProcess<number>> {
  const child: ChildProcess = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"]);
  await once(child, "spawn");
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
  };
  return { child, ready: child.pid ?? 0, exited, stop };
}

it("supervise() starts a killed process again, also after starts that fail, and ends it for good when stopped", async () => {
  let starts = 0;
  const supervised = await supervise(async () => {
    starts++;
    if (starts === 2) throw new Error("not yet");
    return startSleeper();
  });
  const first = supervised.current?.ready;
  expect(supervised.signal("SIGKILL")).toBe(true);
  await expect.poll(() => supervised.current?.ready !== first && supervised.current !== undefined).toBe(true);
  const second = await supervised.ready();
  expect(second.ready).not.toBe(first);
  expect(supervised.failedStarts).toEqual(["not yet"]);
  await supervised.stop();
  expect(starts).toBe(3);
  expect(supervised.exits).toEqual([
    { code: null, signal: "SIGKILL", asked: true },
    { code: null, signal: "SIGTERM", asked: true },
  ]);
});
