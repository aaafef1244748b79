import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { findOnPath } from "./machine.js";
import { identifyProcess, isRunning } from "./process-identity.js";
import { startRedis, stopLeftover } from "./redis-process.js";
import { readNote, writeNote } from "./state-file.js";
import { RESTART_POLICY } from "./supervisor.js";
import { freePort } from "./tcp-port.js";

const path = process.env.PATH ?? "";
const binary = findOnPath("redis-server", path) ?? findOnPath("valkey-server", path);
const root = mkdtempSync(join(tmpdir(), "farm redis "));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Sends inline commands, gives the answer's text up to the given pattern. */
async function ask(url: string, commands: string, until: RegExp): Promise<string> {
  const { port, password } = new URL(url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.write(`${password ? `AUTH ${password}\r\n` : ""}${commands}`);
  let answer = "";
  for await (const bytes of socket) {
    answer += String(bytes);
    if (until.test(answer)) break;
  }
  return answer;
}

function start(dir: string, lines: string[] = []) {
  return startRedis({
    binary: binary ?? "",
    dir,
    logPath: join(dir, "..", "redis.log"),
    env: { PATH: path },
    policy: RESTART_POLICY,
    signal: new AbortController().signal,
    log: (line) => lines.push(line),
  });
}

describe.skipIf(binary === undefined)("startRedis()", () => {
  test("startRedis() runs with the append-only file, no eviction, a password, and a private folder", async () => {
    const dir = join(root, "a", "redis");
    const redis = await start(dir);
    const { url } = redis.ready();
    const told = await ask(url, "CONFIG GET appendonly\r\nCONFIG GET maxmemory-policy\r\n", /noeviction/);
    expect(told).toMatch(/appendonly\r\n\$3\r\nyes/);
    const stranger = new URL(url);
    stranger.password = "";
    expect(await ask(stranger.href, "PING\r\n", /\n/)).toContain("NOAUTH");
    expect(statSync(dir).mode & 0o077).toBe(0);
    await redis.stop(10_000);
    expect(existsSync(join(dir, "appendonlydir"))).toBe(true);
  });

  test("startRedis() stops the Redis that a killed farm left, and reads what it had", async () => {
    const dir = join(root, "b", "redis");
    const first = await start(dir);
    await ask(first.ready().url, "SET key kept\r\n", /\+OK\r\n\+OK/);
    expect(readNote(join(dir, "process.json"))).toEqual(identifyProcess(first.pid() ?? 0));
    await first.stop(10_000);
    const port = String(await freePort());
    const left = spawn(binary ?? "", ["--port", port, "--appendonly", "yes"], { cwd: dir });
    const leftEnded = once(left, "exit");
    await once(left.stdout, "data");
    writeNote(join(dir, "process.json"), identifyProcess(left.pid ?? 0) ?? { pid: 0, started: "" });
    const next = await start(dir);
    await leftEnded;
    expect(await ask(next.ready().url, "GET key\r\n", /kept/)).toContain("kept");
    await next.stop(10_000);
  });
});

test("stopLeftover() ends the process that the note names, and no other life of its pid", async () => {
  const dir = mkdtempSync(join(root, "c-"));
  const child = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => 0, 1000)"]);
  await once(child.stdout, "data");
  const identity = identifyProcess(child.pid ?? 0) ?? { pid: 0, started: "" };
  writeNote(join(dir, "process.json"), { ...identity, started: "another life" });
  await stopLeftover(dir);
  expect(isRunning(identity)).toBe(true);
  writeNote(join(dir, "process.json"), identity);
  await stopLeftover(dir);
  expect(isRunning(identity)).toBe(false);
});
