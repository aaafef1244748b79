import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { freePort, REPOSITORY_ROOT } from "../harness/index.js";

/** Redis answers, writes or rewrites a few keys within milliseconds; two cores may be busy. */
const WAIT_MS_MAX = 10_000;
const POLL_MS = 50;
const GUIDE = readFileSync(path.join(REPOSITORY_ROOT, "docs", "operations.md"), "utf8");

let dir: string;
let ends: (() => Promise<void>)[];
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "latentfarm-guide-"));
  mkdirSync(path.join(dir, "data"));
  mkdirSync(path.join(dir, "backup"));
  ends = [];
});
afterEach(async () => {
  for (const end of ends) await end();
  rmSync(dir, { recursive: true, force: true });
});

/** The lines of the block of commands that holds a text, with the folders and ports of this test. */
function commandsWith(text: string, changes: Readonly<Record<string, string>>): string[] {
  const block = [...GUIDE.matchAll(/```sh\n([\s\S]*?)```/g)]
    .map(([, lines = ""]) => lines)
    .find((one) => one.includes(text));
  if (block === undefined) throw new Error(`docs/operations.md has no block with ${text}`);
  const here = Object.entries(changes).reduce((lines, [there, now]) => lines.replaceAll(there, now), block);
  return here.trim().split("\n");
}

function shell(command: string, env: Readonly<Record<string, string>> = {}): string {
  return execFileSync("sh", ["-ec", command], {
    cwd: REPOSITORY_ROOT,
    encoding: "utf8",
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: WAIT_MS_MAX,
  });
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + WAIT_MS_MAX;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error("it does not come true");
    await delay(POLL_MS);
  }
}

const answers = (url: string) => {
  try {
    return shell(`redis-cli -u ${url} --no-auth-warning ping`).includes("PONG");
  } catch {
    return false;
  }
};

/** Starts a Redis on the data folder, and gives its URL as the guide wants it. */
async function startServer(...more: string[]): Promise<{ url: string; end: () => Promise<void> }> {
  const port = await freePort();
  const args = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--dir",
    path.join(dir, "data"),
    "--save",
    "",
    ...more,
  ];
  const child = spawn("redis-server", args, { stdio: "ignore" });
  const end = async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  };
  ends.push(end);
  const password = more[more.indexOf("--requirepass") + 1] ?? "";
  const url = `redis://default:${password}@127.0.0.1:${port}`;
  await until(() => answers(url));
  return { url, end };
}

it("docs/operations.md: a backup is restored by the commands as they stand there", async () => {
  const server = await startServer("--requirepass", "pw", "--appendonly", "yes");
  shell(`redis-cli -u ${server.url} set kept 1`);
  const changes = { "/backup": path.join(dir, "backup"), "/data": path.join(dir, "data") };
  shell(commandsWith("--rdb", changes).join("\n"), { REDIS_URL: server.url });
  shell(`redis-cli -u ${server.url} set late 1`);
  await server.end();

  const [backup = ""] = readdirSync(path.join(dir, "backup"));
  const [restore = ""] = commandsWith("restore-redis.sh", {
    ...changes,
    "latentfarm-2026-11-26-18.rdb": backup,
  });
  const port = await freePort();
  expect(shell(`${restore} ${port}`)).toMatch(/appendonlydir is made from .*\.rdb\n$/);
  // What was there is kept, and nothing else is left behind.
  expect(readdirSync(path.join(dir, "data")).sort()).toEqual([
    "appendonlydir",
    expect.stringMatching(/^appendonlydir\.\d+$/),
  ]);
  const again = await startServer("--requirepass", "pw", "--appendonly", "yes");
  expect(shell(`redis-cli -u ${again.url} --no-auth-warning mget kept late`)).toBe("1\n\n");
});

it("restore-redis.sh leaves the data alone where there is no backup, and says so", () => {
  mkdirSync(path.join(dir, "data", "appendonlydir"));
  const script = path.join(REPOSITORY_ROOT, "infra", "compose", "restore-redis.sh");
  expect(() => shell(`${script} ${dir}/absent.rdb ${dir}/data`)).toThrow("there is no backup");
  expect(readdirSync(path.join(dir, "data"))).toEqual(["appendonlydir"]);
});

it("infra/compose/README.md: the container's command writes a backup to standard output", async () => {
  const { url } = await startServer("--requirepass", "pw");
  const readme = readFileSync(path.join(REPOSITORY_ROOT, "infra", "compose", "README.md"), "utf8");
  const [, inner = ""] = /redis sh -c '(REDISCLI_AUTH=[^']+--rdb -)'/.exec(readme) ?? [];
  writeFileSync(path.join(dir, "redis_password"), "pw");
  const command = inner
    .replace("/run/secrets", dir)
    .replace("redis-cli", `redis-cli -p ${new URL(url).port}`);
  expect(shell(command).startsWith("REDIS0")).toBe(true);
});

it("docs/operations.md: Redis takes both passwords while they rotate, then the new one alone", async () => {
  const { url } = await startServer("--requirepass", "OLD_PASSWORD");
  const renewed = url.replace("OLD", "NEW");
  const [both = "", , one = ""] = commandsWith("ACL SETUSER", {});
  shell(both, { REDIS_URL: url });
  expect([answers(url), answers(renewed)]).toEqual([true, true]);
  shell(one, { NEW_REDIS_URL: renewed });
  expect([answers(url), answers(renewed)]).toEqual([false, true]);
});

it("docs/operations.md: the drill of a gateway ends that of the farm on this folder, and no other", async () => {
  const [, drill = ""] = /\| a gateway dies \| `(kill [^`]+)` \|/.exec(GUIDE) ?? [];
  // Before it runs: a command without a farm's process would end the gateways of this whole machine.
  expect(drill).toContain("pgrep -P $(jq .pid .farm/farm.json) ");
  // Two farms, each with a child that is called as a gateway is.
  const main = "apps/gateway/dist/main.js";
  const run = `require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "${main}"]).on("exit", () => process.exit(9))`;
  const [farm, other] = [0, 1].map(() => spawn(process.execPath, ["-e", run], { stdio: "ignore" }));
  if (farm === undefined || other === undefined) throw new Error("Cannot test: there are no farms");
  const gatewayOf = (pid: number | undefined) => {
    try {
      return shell(`pgrep -P ${pid} -f ${main}`).trim();
    } catch {
      return "";
    }
  };
  ends.push(async () => {
    for (const one of [farm, other]) {
      const gateway = gatewayOf(one.pid);
      if (gateway !== "") process.kill(Number(gateway), "SIGKILL");
      one.kill("SIGKILL");
    }
  });
  await until(() => gatewayOf(farm.pid) !== "" && gatewayOf(other.pid) !== "");
  const note = path.join(dir, "farm.json");
  writeFileSync(note, JSON.stringify({ pid: farm.pid, started: "1" }));
  const ended = once(farm, "exit");
  shell(drill.replace(".farm/farm.json", note));
  expect(await ended).toEqual([9, null]);
  expect(gatewayOf(other.pid)).not.toBe("");
});
