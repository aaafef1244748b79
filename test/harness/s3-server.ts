import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.js";
import { REPOSITORY_ROOT } from "./processes.js";

/** It is up within 0.2 s; a loaded machine takes longer. */
const READY_TIMEOUT_MS = 15_000;
const READY_POLL_MS = 20;

/** The credentials of every S3 server under test. */
export const S3_CREDENTIALS: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: "latentfarm",
  AWS_SECRET_ACCESS_KEY: "for-tests-on-this-machine",
  AWS_REGION: "us-east-1",
};

/** An S3 server of a test's own (versitygw on a folder), on a free port of this machine. */
export interface S3Server extends AsyncDisposable {
  readonly port: number;
  readonly endpoint: string;
  /** Makes a bucket, which is a folder. */
  makeBucket(name: string): Promise<void>;
  /** Where a bucket's objects lie as files. */
  folderOf(bucket: string): string;
  /** Ends it at once; its port answers nothing. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data. */
  restart(): Promise<void>;
}

/**
 * The S3 server's program: the one that `./farm test` names or has installed before. Undefined where there is none; a
 * suite that needs it is skipped then, and fails where every tool is required.
 */
export function findS3Server(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = env.FARM_TEST_S3_SERVER;
  if (named !== undefined && existsSync(named)) return named;
  const installed = installedServer(path.join(REPOSITORY_ROOT, ".farm", "tools"));
  if (installed === undefined && env.FARM_TEST_REQUIRED === "1")
    throw new Error("Cannot test the S3 store: versitygw is not installed; ./farm test storage installs it");
  return installed;
}

function installedServer(tools: string): string | undefined {
  const folders = existsSync(tools) ? readdirSync(tools) : [];
  const programs = folders.filter((name) => name.startsWith("versitygw-")).sort();
  return programs
    .map((name) => path.join(tools, name, "versitygw"))
    .findLast((program) => existsSync(program));
}

/** Starts an S3 server with its data in a folder; dispose it with `await using`. */
export async function startS3Server(program: string, dir: string): Promise<S3Server> {
  const port = await freePort();
  const data = path.join(dir, "buckets");
  await mkdir(data, { recursive: true });
  let child = await spawnServer({ program, port, data });
  return {
    port,
    endpoint: `http://127.0.0.1:${port}`,
    makeBucket: async (name) => void (await mkdir(path.join(data, name), { recursive: true })),
    folderOf: (bucket) => path.join(data, bucket),
    kill: () => end(child),
    async restart() {
      await end(child);
      child = await spawnServer({ program, port, data });
    },
    [Symbol.asyncDispose]: () => end(child),
  };
}

async function spawnServer(of: {
  readonly program: string;
  readonly port: number;
  readonly data: string;
}): Promise<ChildProcess> {
  const env = {
    ROOT_ACCESS_KEY: S3_CREDENTIALS.AWS_ACCESS_KEY_ID,
    ROOT_SECRET_KEY: S3_CREDENTIALS.AWS_SECRET_ACCESS_KEY,
  };
  const args = ["--port", `127.0.0.1:${of.port}`, "--health", "/health", "--quiet", "--keep-alive"];
  const child = spawn(of.program, [...args, "posix", of.data], { env, stdio: "ignore" });
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!(await answers(of.port))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(
        `Cannot start ${of.program}: no answer on port ${of.port}, exit code is ${child.exitCode}`,
      );
    }
    await delay(READY_POLL_MS);
  }
  return child;
}

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/health`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await exited;
}
