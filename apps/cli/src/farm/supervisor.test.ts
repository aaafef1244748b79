import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { type ProcessPlan, type RestartPolicy, type Supervised, supervise } from "./supervisor.js";

const POLICY: RestartPolicy = { firstDelayMs: 1, delayMsMax: 4, healthyMs: 60_000, readyMsMax: 10_000 };
const running: Supervised<unknown>[] = [];

afterEach(() => {
  for (const process of running.splice(0)) process.kill();
});

/** A plan whose process runs the given program; ready when it prints a line. */
function planOf(program: (last: number | undefined) => string): ProcessPlan<number> {
  return {
    name: "thing",
    logTail: () => "last words",
    spawn: (last) => spawn(process.execPath, ["-e", program(last)], { stdio: ["ignore", "pipe", "inherit"] }),
    async whenReady(child: ChildProcess) {
      const [line] = await once(child.stdout ?? new EventEmitter(), "data");
      return Number(line);
    },
  };
}

const SERVE = (said: number) => `console.log(${said}); setInterval(() => 0, 1000)`;

async function start(plan: ProcessPlan<number>, policy = POLICY, signal = new AbortController().signal) {
  const lines: string[] = [];
  const heard = new EventEmitter();
  const log = (line: string) => {
    lines.push(line);
    heard.emit(line.includes("runs again") ? "again" : "line");
  };
  const process = await supervise(plan, { policy, signal, log });
  running.push(process);
  return { process, lines, heard };
}

test("supervise() starts a killed process again and hands it what it last said", async () => {
  const { process, lines, heard } = await start(planOf((last) => SERVE(last === undefined ? 7 : last + 1)));
  expect(process.ready()).toBe(7);
  const first = process.pid();
  const again = once(heard, "again");
  globalThis.process.kill(first ?? 0, "SIGKILL");
  await again;
  expect(process.ready()).toBe(8);
  expect(process.pid()).not.toBe(first);
  expect(lines).toEqual([
    "thing ended (signal SIGKILL); starting it again in 1 ms",
    expect.stringContaining("runs again"),
  ]);
});

test("supervise() keeps trying with a growing delay up to its cap", async () => {
  let life = 0;
  const broken = () => (life++ === 0 ? SERVE(1) : life < 6 ? "process.exit(3)" : SERVE(2));
  const { process, lines, heard } = await start(planOf(broken));
  const again = once(heard, "again");
  globalThis.process.kill(process.pid() ?? 0, "SIGKILL");
  await again;
  const delays = lines.flatMap((line) => /again in (\d+) ms/.exec(line)?.[1] ?? []);
  expect(delays).toEqual(["1", "2", "4", "4", "4"]);
  expect(process.ready()).toBe(2);
});

test("supervise() fails a first start that ends early, with the end of its log", async () => {
  const started = start(planOf(() => "process.exit(3)"));
  await expect(started).rejects.toThrow("Cannot start thing: it ended (status 3)\nlast words");
});

test("supervise() fails a first start that is not ready in time", async () => {
  const started = start(
    planOf(() => "setInterval(() => 0, 1000)"),
    { ...POLICY, readyMsMax: 5 },
  );
  await expect(started).rejects.toThrow("Cannot start thing: not ready within 5 ms");
});

test("supervise() fails a program that cannot be started", async () => {
  const plan = {
    ...planOf(() => ""),
    spawn: () => spawn("/nonexistent/program").on("error", () => undefined),
  };
  await expect(start(plan)).rejects.toThrow("it could not be started");
});

test("supervise() gives up its first start when the signal aborts", async () => {
  const stop = new AbortController();
  const started = start(
    planOf(() => "setInterval(() => 0, 1000)"),
    POLICY,
    stop.signal,
  );
  stop.abort();
  await expect(started).rejects.toMatchObject({ code: "canceled" });
});

test("stop() ends the process and no restart follows", async () => {
  const { process, lines } = await start(planOf(() => SERVE(1)));
  await process.stop(10_000);
  expect(process.pid()).toBeUndefined();
  expect(lines).toEqual([]);
});

test("stop() kills a process that does not end by its deadline", async () => {
  const { process } = await start(planOf(() => `process.on("SIGTERM", () => 0); ${SERVE(1)}`));
  await process.stop(20);
  expect(process.pid()).toBeUndefined();
});
