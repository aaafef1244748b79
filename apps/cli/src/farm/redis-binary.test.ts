import { expect, test } from "vitest";
import { findOnPath, type Machine } from "./machine.js";
import { ensureRedis } from "./redis-binary.js";

/** A machine with some programs; installing adds Redis where `installs` allows it. */
function machineWith(programs: readonly string[], traits: Partial<Machine> & { installs?: boolean } = {}) {
  const present = new Set(programs);
  const calls: string[] = [];
  const said: string[] = [];
  const machine: Machine = {
    path: "/bin",
    platform: "linux",
    isRoot: true,
    find: (program) => (present.has(program) ? `/bin/${program}` : undefined),
    say: (line) => said.push(line),
    run(program, args) {
      const call = [program, ...args].join(" ");
      calls.push(call);
      if (traits.installs && /install/.test(call)) present.add("redis-server");
      return call === "sudo -n true" ? !traits.isRoot : (traits.installs ?? false);
    },
    ...traits,
  };
  return { machine, calls, said };
}

test("ensureRedis() prefers redis-server, takes valkey-server, and installs nothing then", () => {
  const both = machineWith(["valkey-server", "redis-server", "apt-get"]);
  expect(ensureRedis(both.machine)).toBe("/bin/redis-server");
  expect(ensureRedis(machineWith(["valkey-server"]).machine)).toBe("/bin/valkey-server");
  expect(both.calls).toEqual([]);
});

test("ensureRedis() installs with apt-get as root, after saying so", () => {
  const { machine, calls, said } = machineWith(["apt-get"], { installs: true });
  expect(ensureRedis(machine)).toBe("/bin/redis-server");
  expect(said[0]).toContain("installing redis-server with apt-get");
  expect(calls[0]).toContain("apt-get -qq install -y --no-install-recommends redis-server");
  expect(calls[0]).not.toContain("sudo");
});

test("ensureRedis() goes through sudo only where it asks for no password", () => {
  const free = machineWith(["apt-get", "sudo"], { installs: true, isRoot: false });
  expect(ensureRedis(free.machine)).toBe("/bin/redis-server");
  expect(free.calls[1]).toMatch(/^sudo -n env /);
  const none = machineWith(["apt-get"], { installs: true, isRoot: false });
  expect(() => ensureRedis(none.machine)).toThrow("sudo apt-get install redis-server");
  expect(none.calls).toEqual([]);
});

test("ensureRedis() installs with brew", () => {
  const { machine, said } = machineWith(["brew"], { installs: true, platform: "darwin" });
  expect(ensureRedis(machine)).toBe("/bin/redis-server");
  expect(said).toEqual(["no Redis found: installing redis with brew"]);
});

test("ensureRedis() gives the platform's commands when it cannot install", () => {
  expect(() => ensureRedis(machineWith([]).machine)).toThrow("sudo dnf install valkey");
  expect(() => ensureRedis(machineWith([], { platform: "darwin" }).machine)).toThrow("brew install redis");
  expect(() => ensureRedis(machineWith(["apt-get"]).machine)).toThrow("FARM_REDIS_URL=redis://host:6379");
});

test("findOnPath() finds an executable file and passes over folders and absent entries", () => {
  expect(findOnPath("sh", ":/nonexistent:/bin")).toBe("/bin/sh");
  expect(findOnPath("bin", "/usr")).toBeUndefined();
});
