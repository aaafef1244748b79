import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { lockData } from "./data-lock.js";
import { identifyProcess, isRunning } from "./process-identity.js";
import { farmNotePath, findRunningFarm, findRunningRedis } from "./running-farm.js";
import { claimNote, readLiveNote, readNote, writeNote } from "./state-file.js";

const root = mkdtempSync(join(tmpdir(), "farm state "));
let dir = root;

beforeEach(() => {
  dir = mkdtempSync(join(root, "case-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const OWN = identifyProcess(process.pid) ?? { pid: 0, started: "" };
/** This process's pid in another life: what a note looks like after the pid was given away again. */
const OTHER_LIFE = { pid: process.pid, started: "long ago" };

test("identifyProcess() knows this process and no process that does not exist", () => {
  expect(OWN.pid).toBe(process.pid);
  expect(isRunning(OWN)).toBe(true);
  expect(isRunning(OTHER_LIFE)).toBe(false);
  expect(identifyProcess(2 ** 30)).toBeUndefined();
});

test("claimNote() is given to the first only, and leaves no other file", () => {
  const path = join(dir, "note");
  expect(claimNote(path, OWN)).toBe(true);
  expect(claimNote(path, OTHER_LIFE)).toBe(false);
  expect(readNote(path)).toEqual(OWN);
  expect(readdirSync(dir)).toEqual(["note"]);
});

test.each([
  "",
  "{",
  "[]",
  "null",
  '{"pid":"1","started":"x"}',
  '{"pid":1}',
  '{"pid":1,"started":"x","url":7}',
  '{"pid":1,"started":"x","redisUrl":{}}',
])("readNote() takes %j for no note", (text) => {
  const path = join(dir, "note");
  writeFileSync(path, text);
  expect(readNote(path)).toBeUndefined();
});

test("writeNote() and claimNote() write what only the owner may read, as it may hold a password", () => {
  writeNote(join(dir, "written"), { ...OWN, redisUrl: "redis://:secret@127.0.0.1:1" });
  claimNote(join(dir, "claimed"), OWN);
  for (const name of ["written", "claimed"]) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
});

test("readLiveNote() passes over a note of a process that is gone", () => {
  const path = join(dir, "note");
  writeNote(path, OTHER_LIFE);
  expect(readLiveNote(path)).toBeUndefined();
  writeNote(path, { ...OWN, url: "http://127.0.0.1:1" });
  expect(readLiveNote(path)?.url).toBe("http://127.0.0.1:1");
});

test("lockData() refuses a second farm on the folder until the first releases it", () => {
  const release = lockData(dir);
  expect(() => lockData(dir)).toThrow(`in use: process is ${process.pid}`);
  release();
  lockData(dir)();
});

test("lockData() takes over the lock of a killed farm, and one that is not readable", () => {
  writeNote(join(dir, "farm.lock"), OTHER_LIFE);
  lockData(dir)();
  writeFileSync(join(dir, "farm.lock"), "half a no");
  lockData(dir)();
});

test("findRunningFarm() gives the URL of a live farm and ignores a stale note", () => {
  expect(findRunningFarm(dir)).toBeUndefined();
  writeNote(farmNotePath(dir), { ...OTHER_LIFE, url: "http://127.0.0.1:1" });
  expect(findRunningFarm(dir)).toBeUndefined();
  writeNote(farmNotePath(dir), { ...OWN, url: "http://127.0.0.1:2" });
  expect(findRunningFarm(dir)).toBe("http://127.0.0.1:2");
  expect(findRunningRedis(dir)).toBeUndefined();
  writeNote(farmNotePath(dir), { ...OWN, url: "http://127.0.0.1:2", redisUrl: "redis://127.0.0.1:3" });
  expect(findRunningRedis(dir)).toBe("redis://127.0.0.1:3");
});
