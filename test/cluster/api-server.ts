import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, REPOSITORY_ROOT } from "../harness/index.js";
import { type ClusterClient, createClusterClient } from "./cluster-client.js";

/** It is ready within ten seconds on a quiet machine. */
const READY_MS_MAX = 120_000;
const READY_POLL_MS = 200;
const STOP_MS_MAX = 15_000;

/** An API server with its etcd, of a test's own, on this machine's loopback addresses. */
export interface ApiServer extends AsyncDisposable {
  readonly url: string;
  /** Whoever shows it may do anything. */
  readonly adminToken: string;
  /** The certificate that the server made for itself. */
  readonly caFile: string;
  readonly ca: string;
  readonly admin: ClusterClient;
}

/** The folder of both programs; undefined where they are not built. Where every tool is required that is an error. */
export function findCluster(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folder = env.FARM_TEST_CLUSTER ?? path.join(REPOSITORY_ROOT, ".farm", "tools", "cluster-v1.35.4");
  if (existsSync(path.join(folder, "kube-apiserver"))) return folder;
  if (env.FARM_TEST_REQUIRED === "1")
    throw new Error("Cannot test on a cluster: kube-apiserver is not built; ./farm test cluster builds it");
  return undefined;
}

/** Starts both in a folder; what they say goes there too. No controller runs: objects are judged and kept, no more. */
export async function startApiServer(programs: string, dir: string): Promise<ApiServer> {
  await mkdir(dir, { recursive: true });
  const children: ChildProcess[] = [];
  const start = (program: string, args: readonly string[]) => {
    const child = spawn(path.join(programs, program), args, { stdio: ["ignore", "pipe", "pipe"] });
    const log = createWriteStream(path.join(dir, `${program}.log`));
    child.stdout?.pipe(log);
    child.stderr?.pipe(log, { end: false });
    children.unshift(child);
  };
  const stop = async () => {
    for (const child of children) await end(child);
  };
  try {
    const etcdUrl = await startEtcd(dir, start);
    const port = await freePort();
    const adminToken = randomBytes(16).toString("hex");
    start("kube-apiserver", serverFlags({ dir, port, etcdUrl, adminToken }));
    const url = `https://127.0.0.1:${port}`;
    const caFile = path.join(dir, "certs", "apiserver.crt");
    await waitUntil(() => existsSync(caFile), children);
    const ca = readFileSync(caFile, "utf8");
    const admin = createClusterClient({ url, ca, token: adminToken });
    await waitUntil(
      async () => (await admin.get("/readyz").catch(() => undefined))?.status === 200,
      children,
    );
    return { url, adminToken, caFile, ca, admin, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startEtcd(
  dir: string,
  start: (program: string, args: readonly string[]) => void,
): Promise<string> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  start("server", [
    ...["--data-dir", path.join(dir, "etcd"), "--log-level", "warn", "--unsafe-no-fsync"],
    ...["--listen-client-urls", url, "--advertise-client-urls", url],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
    ...["--initial-cluster", `default=${peer}`],
  ]);
  return url;
}

interface ServerSettings {
  readonly dir: string;
  readonly port: number;
  readonly etcdUrl: string;
  readonly adminToken: string;
}

function serverFlags({ dir, port, etcdUrl, adminToken }: ServerSettings): readonly string[] {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const keyFile = path.join(dir, "service-account.pem");
  const tokenFile = path.join(dir, "tokens.csv");
  writeFileSync(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  writeFileSync(tokenFile, `${adminToken},admin,admin,system:masters\n`, { mode: 0o600 });
  return [
    ...["--etcd-servers", etcdUrl, "--bind-address", "127.0.0.1", "--secure-port", String(port)],
    // Without it the server would want an address of this machine that is none of loopback's.
    ...["--endpoint-reconciler-type", "none"],
    ...[
      "--cert-dir",
      path.join(dir, "certs"),
      "--token-auth-file",
      tokenFile,
      "--authorization-mode",
      "RBAC",
    ],
    ...["--service-account-issuer", "https://kubernetes.default.svc"],
    ...["--service-account-key-file", keyFile, "--service-account-signing-key-file", keyFile],
    ...["--service-cluster-ip-range", "10.96.0.0/16"],
  ];
}

async function waitUntil(
  holds: () => boolean | Promise<boolean>,
  children: readonly ChildProcess[],
): Promise<void> {
  const deadline = performance.now() + READY_MS_MAX;
  while (!(await holds())) {
    const dead = children.find(({ exitCode }) => exitCode !== null);
    if (dead !== undefined || performance.now() > deadline)
      throw new Error(`Cannot start an API server: ${dead?.spawnfile ?? "it"} ended with ${dead?.exitCode}`);
    await delay(READY_POLL_MS);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
  child.kill("SIGTERM");
  await exited;
  clearTimeout(timer);
}
