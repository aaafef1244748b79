import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { demoModelFolder } from "@latentfarm/demo-model";
import { freePort } from "../harness/index.js";
import { readChart } from "./chart-files.js";
import { type Workload, workloadsOf } from "./manifest.js";
import { execInPod, type PodOptions, type PodProcess, startPod, type Translation } from "./pod-process.js";
import { CHART, renderChart } from "./render-chart.js";
import { asNumber, digStrings } from "./tree.js";

/** What would end a line, a string or a word of a careless script. */
export const PASSWORD = 'it\'s "a" pass#word $HOME ~* \\ %s';

/** The components of a trial that serve, in the order of their needs, and the app that each image runs. */
const APPS = { redis: undefined, gateway: "gateway", worker: "worker", courier: "courier" } as const;

const COMPONENTS = ["redis", "gateway", "worker", "courier"] as const;

/** A component that serves. */
export type Component = keyof typeof APPS;

/** The farm of ci/trial-values.yaml as processes of this machine. */
export interface TrialFarm extends AsyncDisposable {
  readonly dir: string;
  readonly ports: Readonly<Record<Component, number>>;
  podOf(component: Component): PodProcess;
  /** Seconds that Kubernetes gives a component to end. */
  graceSecondsOf(component: Component): number;
  /** Puts another text in the place of the Secret's password. */
  writePassword(text: string): void;
  /** What the release's notes call in the toolbox to make the first key. */
  makeFirstKey(): ReturnType<typeof execInPod>;
}

/** Starts every process as the chart's manifests say, each once those that it needs are ready. */
export async function startTrialFarm(): Promise<TrialFarm> {
  const manifests = renderChart({ files: [path.join(CHART, "ci", "trial-values.yaml")] });
  const workloads = workloadsOf(manifests);
  const dir = mkdtempSync(path.join(tmpdir(), "latentfarm-trial-"));
  for (const name of ["secret", "run", "redis", "data", "tmp"]) mkdirSync(path.join(dir, name));
  const ports = {
    redis: await freePort(),
    gateway: await freePort(),
    worker: await freePort(),
    courier: await freePort(),
  };
  const writePassword = (text: string) => writeFileSync(path.join(dir, "secret", "password"), text);
  // As an editor leaves it in a file: the line's end is no part of it.
  writePassword(`${PASSWORD}\n`);
  const config = manifests.find(({ kind, name }) => kind === "ConfigMap" && name.endsWith("-redis"));
  writeFileSync(
    path.join(dir, "redis.conf"),
    redisHere(digStrings(config?.body, "data")["redis.conf"] ?? "", dir, ports.redis),
  );
  const optionsOf = (component: Component | "toolbox"): PodOptions => {
    const [container] = workloadOf(workloads, component).containers;
    if (container === undefined) throw new Error(`Cannot start ${component}: its pod has no container`);
    const app = component === "toolbox" ? undefined : APPS[component];
    const own = component === "toolbox" ? {} : ownPorts(component, ports[component]);
    const translation = translationOf(dir, ports.redis, own);
    return { container, translation, dir, ...(app === undefined ? {} : { app }) };
  };
  const started = new Map<Component, PodProcess>();
  const killAll = () => Promise.all([...started.values()].map((pod) => pod.stop(0)));
  try {
    for (const component of COMPONENTS) {
      const pod = startPod(optionsOf(component));
      started.set(component, pod);
      if (component === "redis") await pod.whenReady();
    }
    await Promise.all([...started.values()].map((pod) => pod.whenReady()));
  } catch (error) {
    await killAll(); // The folder stays: its logs say why.
    throw error;
  }
  return {
    dir,
    ports,
    podOf(component) {
      const pod = started.get(component);
      if (pod === undefined) throw new Error(`${component} does not run`);
      return pod;
    },
    graceSecondsOf: (component) =>
      asNumber(workloadOf(workloads, component).pod.terminationGracePeriodSeconds) ?? 0,
    writePassword,
    makeFirstKey: () => execInPod(optionsOf("toolbox"), firstKeyWords()),
    async [Symbol.asyncDispose]() {
      await killAll();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The words of the release's notes, without those for kubectl. */
function firstKeyWords(): readonly string[] {
  const told = /^ *(node \S+ keys create .+)$/m.exec(readChart("templates", "NOTES.txt"))?.[1];
  if (told === undefined) throw new Error("Cannot make a key: the notes tell no command");
  return told.split(" ");
}

function workloadOf(workloads: readonly Workload[], component: string): Workload {
  const found = workloads.find(({ labels }) => labels["app.kubernetes.io/component"] === component);
  if (found === undefined) throw new Error(`Cannot start ${component}: the chart renders none`);
  return found;
}

function ownPorts(component: Component, port: number): Readonly<Record<string, string>> {
  const container = { redis: "6379", gateway: "8080", worker: "9464", courier: "9464" }[component];
  return { [container]: String(port), "redis-cli": `redis-cli -p ${port}` };
}

/** Redis' file with the container's folders moved here, closed to other machines. */
function redisHere(config: string, dir: string, port: number): string {
  return config
    .replace("dir /data", `dir ${path.join(dir, "redis")}`)
    .replace("/run/redis", path.join(dir, "run"))
    .replace("port 6379", `port ${port}`)
    .replace("bind * -::*", "bind 127.0.0.1");
}

/** Of two texts that overlap the longer one stands first. */
function translationOf(dir: string, redisPort: number, own: Readonly<Record<string, string>>): Translation {
  return new Map(
    Object.entries({
      "redis://farm-latentfarm-redis:6379": `redis://127.0.0.1:${redisPort}`,
      "/run/secrets/latentfarm/redis": path.join(dir, "secret"),
      "/etc/redis/redis.conf": path.join(dir, "redis.conf"),
      "/run/redis": path.join(dir, "run"),
      "/var/lib/latentfarm": path.join(dir, "data"),
      "/models/postcards": demoModelFolder(),
      ...own,
    }),
  );
}
