import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { REPOSITORY_ROOT } from "../harness/index.js";

/** Where the compose files lie. */
export const COMPOSE_DIR: string = path.join(REPOSITORY_ROOT, "infra", "compose");

/** A container's own check: the words of a command. */
export interface HealthCheck {
  readonly test: readonly string[];
}

/** What is mounted: a folder or file of the machine (`bind`) or a named volume. */
export interface Mount {
  readonly type: string;
  readonly source?: string;
  readonly target: string;
  readonly read_only?: boolean;
}

/** A secret or config as a service mounts it. */
export interface Grant {
  readonly source: string;
  readonly target: string;
}

/** A port that the machine offers for a container's. */
export interface PublishedPort {
  readonly host_ip?: string;
  readonly published?: string;
  readonly target: number;
}

/** The part of a service that is looked at, in compose's words; what was not written is absent. */
export interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly target: string };
  readonly pull_policy?: string;
  readonly user?: string;
  readonly entrypoint?: readonly string[] | null;
  readonly command?: readonly string[] | null;
  readonly environment?: Readonly<Record<string, string>>;
  readonly profiles?: readonly string[];
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly pids_limit?: number;
  readonly mem_limit?: string;
  readonly stop_grace_period?: string;
  readonly logging?: { readonly options?: Readonly<Record<string, string>> };
  readonly healthcheck?: HealthCheck;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly networks?: Readonly<Record<string, { readonly aliases?: readonly string[] } | null>>;
  readonly ports?: readonly PublishedPort[];
  readonly secrets?: readonly Grant[];
  readonly configs?: readonly Grant[];
  readonly volumes?: readonly Mount[];
  readonly deploy?: { readonly resources?: { readonly reservations?: { readonly devices?: unknown[] } } };
}

/** A compose file as compose-go reads it: validated, interpolated, its paths absolute, sizes in bytes. */
export interface ComposeModel {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly configs: Readonly<Record<string, { readonly file: string }>>;
}

/**
 * The program that loads compose files by compose-go: the one that `./farm test` names or has built before. Undefined
 * where there is none; the suite is skipped then, and fails where every tool is required.
 */
export function findComposeLoader(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = env.FARM_TEST_COMPOSE_LOADER;
  if (named !== undefined && existsSync(named)) return named;
  const tools = path.join(REPOSITORY_ROOT, ".farm", "tools");
  const folders = existsSync(tools) ? readdirSync(tools) : [];
  const built = folders
    .filter((name) => name.startsWith("compose-go-"))
    .map((name) => path.join(tools, name, "load-compose"))
    .findLast((program) => existsSync(program));
  if (built === undefined && env.FARM_TEST_REQUIRED === "1")
    throw new Error("Cannot check compose files: no loader is built; ./farm test compose builds it");
  return built;
}

/**
 * Loads compose files as `docker compose` does: schema, merge, interpolation, consistency, with the services of every
 * profile. Throws what compose-go says of a file that is wrong.
 * @param files names in infra/compose, or absolute
 */
export function loadCompose(
  program: string,
  files: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ComposeModel {
  const text = execFileSync(program, [...files], {
    cwd: COMPOSE_DIR,
    encoding: "utf8",
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...env },
    stdio: "pipe",
  });
  // The program has held it against the specification's schema just now.
  return JSON.parse(text) as ComposeModel;
}

/** The services that run when a profile is named, or none is. */
export function servicesOf(model: ComposeModel, ...profiles: readonly string[]): readonly string[] {
  return Object.entries(model.services)
    .filter(([, { profiles: own }]) => own === undefined || own.some((name) => profiles.includes(name)))
    .map(([name]) => name)
    .sort();
}

/** Names under which a service is found on the networks that it shares with another. */
export function namesSeenBy(model: ComposeModel, looker: Service): readonly string[] {
  const networks = Object.keys(looker.networks ?? {});
  return Object.entries(model.services).flatMap(([name, service]) => {
    const shared = networks.filter((network) => Object.hasOwn(service.networks ?? {}, network));
    const aliases = shared.flatMap((network) => service.networks?.[network]?.aliases ?? []);
    return shared.length > 0 ? [name, ...aliases] : [];
  });
}
