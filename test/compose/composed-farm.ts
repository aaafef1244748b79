import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { freePort } from "../harness/index.js";
import { COMPOSE_DIR, type ComposeModel, loadCompose } from "./compose-model.js";
import {
  type ContainerOptions,
  type ContainerProcess,
  runContainer,
  startContainer,
  type Translation,
} from "./container-process.js";

/** The services of a plain `docker compose up`, in the order of their needs; the bucket's job is a folder here. */
export const SERVICES = ["redis", "s3", "gateway", "worker-cpu", "courier"] as const;

/** A service that runs. */
export type ServiceName = (typeof SERVICES)[number];

/** The farm of compose.yaml as processes of this machine. */
export interface ComposedFarm extends AsyncDisposable {
  readonly dir: string;
  readonly ports: Readonly<Record<ServiceName, number>>;
  readonly services: Readonly<Record<ServiceName, ContainerProcess>>;
  urlOf(name: ServiceName): string;
  /** The text of a secret. */
  secret(name: string): string;
  /** `docker compose run --rm cli WORDS` */
  cli(...words: string[]): ReturnType<typeof runContainer>;
  /** Starts a service that has ended, and waits until it is healthy. */
  restart(name: ServiceName): Promise<void>;
}

/** The programs without which there is none. */
export interface ComposedPrograms {
  readonly loader: string;
  readonly s3: string;
}

interface Plan {
  readonly programs: ComposedPrograms;
  readonly model: ComposeModel;
  readonly dir: string;
  readonly ports: Readonly<Record<ServiceName, number>>;
}

/** Starts every service as compose would: one after the other, each once those that it needs are healthy. */
export async function startComposedFarm(programs: ComposedPrograms, dir: string): Promise<ComposedFarm> {
  const ports = { redis: 0, s3: 0, gateway: 0, "worker-cpu": 0, courier: 0 };
  for (const name of SERVICES) ports[name] = await freePort();
  const plan = { programs, model: loadCompose(programs.loader, ["compose.yaml"]), dir, ports };
  execFileSync("sh", [path.join(COMPOSE_DIR, "make-secrets.sh"), path.join(dir, "secrets")]);
  const bucket = plan.model.services["s3-bucket"]?.environment?.BUCKET ?? "";
  for (const folder of ["redis-data", path.join("buckets", bucket)])
    mkdirSync(path.join(dir, folder), { recursive: true });
  const started = new Map<ServiceName, ContainerProcess>();
  const start = async (name: ServiceName) => {
    const container = startContainer(containerOf(plan, name));
    started.set(name, container);
    await container.whenHealthy();
  };
  const killAll = () => Promise.all([...started.values()].map((service) => service.kill()));
  try {
    for (const name of SERVICES) await start(name);
  } catch (error) {
    await killAll(); // The folder stays: its logs say why.
    throw error;
  }
  return {
    dir,
    ports,
    get services() {
      // Typed by what has been started just above.
      return Object.fromEntries(started) as Record<ServiceName, ContainerProcess>;
    },
    urlOf: (name) => `http://127.0.0.1:${ports[name]}`,
    secret: (name) => readFileSync(path.join(dir, "secrets", name), "utf8"),
    cli: (...words) => runContainer(containerOf(plan, "cli", words)),
    restart: start,
    async [Symbol.asyncDispose]() {
      await killAll();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function containerOf(plan: Plan, name: ServiceName | "cli", words: readonly string[] = []): ContainerOptions {
  const service = plan.model.services[name];
  if (service === undefined) throw new Error(`compose.yaml has no ${name}`);
  // Redis' port is that of its image; here it must be free and closed to other machines.
  const more = name === "redis" ? ["--port", String(plan.ports.redis), "--bind", "127.0.0.1"] : words;
  return { name, service, translation: translationOf(plan, name), dir: plan.dir, more };
}

/** What stands here for the names, ports and folders of a container; of two that overlap the longer one first. */
function translationOf({ programs, model, dir, ports }: Plan, name: ServiceName | "cli"): Translation {
  const own = name === "cli" ? "" : String(ports[name]);
  const mount = model.services[name]?.volumes?.find(({ type }) => type === "bind");
  const data = path.join(dir, `${name}-data`);
  const everywhere = {
    "redis://redis:6379": `redis://127.0.0.1:${ports.redis}`,
    "http://s3:9000": `http://127.0.0.1:${ports.s3}`,
    "http://localhost:9000": `http://localhost:${ports.s3}`,
    "http://gateway:8080": `http://127.0.0.1:${ports.gateway}`,
    "/run/secrets": path.join(dir, "secrets"),
    "/var/lib/latentfarm": data,
  };
  const here: Record<ServiceName | "cli", Readonly<Record<string, string>>> = {
    redis: {
      "/tmp/redis.conf": path.join(dir, "redis.conf"),
      "redis-cli": `redis-cli -p ${own}`,
      "/data": data,
    },
    s3: { ":9000": `:${own}`, versitygw: programs.s3, "/data": path.join(dir, "buckets") },
    gateway: { "8080": own },
    "worker-cpu": { "9464": own, [mount?.target ?? "/models"]: mount?.source ?? "" },
    courier: { "9464": own },
    cli: {},
  };
  return new Map([...Object.entries(everywhere), ...Object.entries(here[name])]);
}
