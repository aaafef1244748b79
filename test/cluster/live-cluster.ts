import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readCustomResources } from "../helm/conformance.js";
import { type Manifest, toManifest, type Workload } from "../helm/manifest.js";
import { findChartTool, type HelmAnswer } from "../helm/render-chart.js";
import { digList, digText } from "../helm/tree.js";
import { type ApiServer, findCluster, startApiServer } from "./api-server.js";
import { type Answer, tell } from "./cluster-client.js";

/** A new definition or admission policy is known to every part of the server within seconds. */
const SETTLE_MS_MAX = 30_000;
const POLL_MS = 250;

/** Milliseconds for etcd, the API server and its definitions of custom resources, on two busy cores. */
export const START_MS_MAX = 180_000;

/** True where the programs are not built; where every tool is required that is an error. */
export const isClusterAbsent: boolean = findCluster() === undefined || findChartTool("helm") === undefined;

/** An API server that knows the custom resources and priority classes which the chart may name. */
export interface LiveCluster extends ApiServer {
  /** Makes a namespace that admits pods by a profile, and warns of those that "restricted" would not admit. */
  addNamespace(name: string, profile: "restricted" | "privileged"): Promise<void>;
  /** Runs helm against the server. */
  helm(...args: readonly string[]): HelmAnswer;
}

/** Starts it in a folder of its own. */
export async function startCluster(): Promise<LiveCluster> {
  const programs = findCluster();
  if (programs === undefined) throw new Error("Cannot start a cluster: kube-apiserver is not built");
  const dir = mkdtempSync(path.join(tmpdir(), "farm-cluster-"));
  const server = await startApiServer(programs, dir);
  await defineCustomResources(server);
  for (const name of ["farm-front", "farm-workers"]) {
    const head = { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass" };
    const path = "/apis/scheduling.k8s.io/v1/priorityclasses";
    mustBe(await server.admin.post(path, { ...head, metadata: { name }, value: 1_000 }));
  }
  return {
    ...server,
    async addNamespace(name, profile) {
      const labels = {
        "pod-security.kubernetes.io/enforce": profile,
        "pod-security.kubernetes.io/warn": "restricted",
      };
      const body = { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
      mustBe(await server.admin.post("/api/v1/namespaces", body));
    },
    helm: (...args) => runHelmOn(server, args),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function defineCustomResources({ admin }: ApiServer): Promise<void> {
  const definitions = readCustomResources().map((body) => toManifest(body));
  for (const one of definitions) mustBe(await admin.apply(one, ""));
  for (const one of definitions) {
    const at = servedAt(one);
    await eventually(async () => (await admin.get(at)).status === 200, `${at} is not served`);
  }
}

function mustBe(answer: Answer): void {
  if (answer.status >= 300) throw new Error(`Cannot prepare the cluster: ${tell(answer)}`);
}

function runHelmOn({ url, caFile, adminToken }: ApiServer, args: readonly string[]): HelmAnswer {
  const access = ["--kube-apiserver", url, "--kube-ca-file", caFile, "--kube-token", adminToken];
  const program = findChartTool("helm") ?? "helm";
  const { status, stdout, stderr } = spawnSync(program, [...args, ...access], { encoding: "utf8" });
  return { ok: status === 0, stdout, stderr };
}

/** Waits for something that takes the server a moment. */
export async function eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + SETTLE_MS_MAX;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Cannot wait any longer: ${what}`);
    await delay(POLL_MS);
  }
}

/** Where the objects of a custom resource are listed, once the server knows it. */
function servedAt({ body }: Manifest): string {
  const [version] = digList(body, "spec.versions");
  return `/apis/${digText(body, "spec.group")}/${digText(version, "name")}/${digText(body, "spec.names.plural")}`;
}

/** An object as it would be rendered for another namespace. */
export function inNamespace(one: Manifest, space: string): Manifest {
  const text = JSON.stringify(one.body)
    .replaceAll('"namespace":"farm"', `"namespace":"${space}"`)
    .replaceAll('"kubernetes.io/metadata.name":"farm"', `"kubernetes.io/metadata.name":"${space}"`)
    .replaceAll("system:serviceaccount:farm:", `system:serviceaccount:${space}:`);
  return toManifest(JSON.parse(text));
}

/** A workload's pod as an object of its own; a stateful one has its claims as volumes, as its controller would give. */
export function podOf({ manifest, labels, annotations, pod }: Workload, name = manifest.name): Manifest {
  const claims = digList(manifest.body, "spec.volumeClaimTemplates").map((claim) => {
    const claimName = digText(claim, "metadata.name");
    return { name: claimName, persistentVolumeClaim: { claimName } };
  });
  const spec = { ...pod, volumes: [...digList(pod, "volumes"), ...claims] };
  const metadata = { name, labels, annotations };
  return toManifest({ apiVersion: "v1", kind: "Pod", metadata, spec });
}
