import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import {
  FARM_VERSION,
  parseFarmEnv,
  STOP_SECONDS_COURIER,
  STOP_SECONDS_GATEWAY,
  STOP_SECONDS_WORKER,
} from "@latentfarm/contract";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { type ComposeModel, namesSeenBy, type Service } from "./compose-model.js";

/** What a compose file of the farm must be, beyond valid: each rule gives what is wrong with a service, in words. */
type Rule = (service: Service, name: string, model: ComposeModel) => readonly (string | false | undefined)[];

/** A tag with a whole version, with or without a digest. */
const PINNED = /^[\w./-]+:v?\d+\.\d+\.\d+[\w.-]*(?:@sha256:[0-9a-f]{64})?$/;
/** The one container that runs as root: it makes the bucket's folder and hands it over. */
const ROOT_JOB = "s3-bucket";
/** Seconds that a service needs to end in order, beyond what its environment grants; Redis syncs its log. */
const GRACE_SECONDS_MIN: Readonly<Record<string, number>> = {
  gateway: STOP_SECONDS_GATEWAY,
  courier: STOP_SECONDS_COURIER,
  "worker-cpu": STOP_SECONDS_WORKER,
  "worker-cuda": STOP_SECONDS_WORKER,
  redis: 30,
};

const isJob = (service: Service) => service.restart === "no";
const textOf = (service: Service) =>
  JSON.stringify([service.entrypoint, service.command, service.environment, service.healthcheck]);

const pinsImages: Rule = ({ image }) => [!PINNED.test(image) && `image ${image} is not pinned to a version`];

const buildsOwnImages: Rule = ({ image, build, pull_policy }) => {
  if (build === undefined) return [image.startsWith("latentfarm/") && `image ${image} is not built here`];
  return [
    image !== `latentfarm/${build.target}:${FARM_VERSION}` &&
      `image ${image} is not of ${build.target} ${FARM_VERSION}`,
    build.context !== REPOSITORY_ROOT && `context is ${build.context}`,
    build.dockerfile !== "infra/docker/Dockerfile" && `dockerfile is ${build.dockerfile}`,
    pull_policy !== "build" && "its image may be pulled",
  ];
};

const dropsRights: Rule = (service, name) => {
  const isRoot = /^(0|root)(:|$)/.test(service.user ?? "0");
  const added = service.cap_add ?? [];
  return [
    service.read_only !== true && "its root can be written",
    service.privileged === true && "it is privileged",
    !service.cap_drop?.includes("ALL") && "it keeps capabilities",
    !service.security_opt?.includes("no-new-privileges:true") && "it may gain privileges",
    isRoot && name !== ROOT_JOB && "it runs as root",
    added.length > 0 && name !== ROOT_JOB && `it adds ${added}`,
    !service.tmpfs?.some((entry) => /^\/tmp:.*size=/.test(entry)) && "its /tmp is absent or has no size",
  ];
};

const boundsResources: Rule = (service) => [
  service.mem_limit === undefined && "its memory has no limit",
  service.pids_limit === undefined && "its processes have no limit",
  service.logging?.options?.["max-size"] === undefined && "its log grows for ever",
];

const comesBack: Rule = (service, name, { services }) => [
  // `up --wait` takes a container that has ended for a failure, unless one that runs has waited for its success.
  isJob(service) &&
    service.profiles === undefined &&
    !Object.values(services).some((other) => Object.hasOwn(other.depends_on ?? {}, name)) &&
    "nobody waits for its end",
  !isJob(service) && service.restart !== "unless-stopped" && "it is not started again",
  !isJob(service) && service.healthcheck === undefined && "it has no health check",
  ...Object.entries(service.depends_on ?? {}).map(([other, { condition }]) => {
    const target = services[other];
    const wanted = target && isJob(target) ? "service_completed_successfully" : "service_healthy";
    return condition !== wanted && `it waits for ${other} by ${condition}`;
  }),
];

const endsInTime: Rule = (service, name) => {
  if (isJob(service)) return [];
  const { FARM_DRAIN_SECONDS: drain, FARM_LAME_DUCK_SECONDS: lameDuck } = service.environment ?? {};
  const needed = (GRACE_SECONDS_MIN[name] ?? 0) + Number(drain ?? lameDuck ?? 0);
  return [
    name.startsWith("worker") && drain === undefined && "it states no FARM_DRAIN_SECONDS",
    service.stop_grace_period === undefined && "it has no time to end",
    secondsOf(service.stop_grace_period) < needed && `it has less than ${needed} s to end`,
  ];
};

const hidesSecrets: Rule = (service) => {
  const granted = (service.secrets ?? []).map(({ source }) => source);
  const named = [...textOf(service).matchAll(/\/run\/secrets\/(\w+)/g)].map(([, name = ""]) => name);
  const plain = Object.entries(service.environment ?? {}).filter(
    ([name, value]) => /PASSWORD|SECRET|TOKEN|ACCESS_KEY/.test(name) && !value.startsWith("/run/secrets/"),
  );
  return [
    ...plain.map(([name]) => `${name} stands in its environment`),
    /rediss?:\/\/[^"/]*@/.test(textOf(service)) && "a URL holds a password",
    ...named.filter((name) => !granted.includes(name)).map((name) => `secret ${name} is not granted`),
    ...granted
      .filter((name) => !named.includes(name))
      .map((name) => `secret ${name} is granted and not used`),
  ];
};

const keepsRedisIn: Rule = (service, name, { networks }) => {
  const own = Object.keys(service.networks ?? {});
  const open = own.filter((network) => networks[network]?.internal !== true);
  const published = service.ports ?? [];
  return [
    name === "redis" && (open.length > 0 || published.length > 0) && "Redis can be reached from outside",
    name !== "redis" && name.startsWith("worker") && open.length > 0 && "a worker can call out",
    published.length > 0 && open.length === 0 && "its port cannot be reached: its networks are internal",
    ...published.map(
      ({ host_ip, target }) => host_ip !== "127.0.0.1" && `port ${target} is open to every machine`,
    ),
  ];
};

const namesServices: Rule = (service, _name, model) => {
  const seen = namesSeenBy(model, service);
  return Object.entries(service.environment ?? {}).map(([variable, value]) => {
    const host = URL.canParse(value) ? new URL(value).hostname : "localhost";
    const isOutside = host === "localhost" || host === "";
    return !isOutside && !seen.includes(host) && `${variable} names ${host}, which it cannot reach`;
  });
};

const knowsItsNames: Rule = ({ environment = {} }) => {
  try {
    parseFarmEnv(environment);
    return [];
  } catch (error) {
    return [String(error)];
  }
};

const mountsWhatIsThere: Rule = ({ volumes = [], secrets = [], configs = [] }, _name, model) => [
  ...volumes.flatMap(({ type, source = "", target, read_only }) => {
    if (type !== "bind") return [!Object.hasOwn(model.volumes, source) && `volume ${source} is not declared`];
    return [
      !existsSync(source) && `${source} does not exist`,
      read_only !== true && `${target} can be written`,
    ];
  }),
  ...configs.map(
    ({ source }) => !existsSync(model.configs[source]?.file ?? "") && `config ${source} has no file`,
  ),
  ...secrets.map(({ source }) => model.secrets[source] === undefined && `secret ${source} is not declared`),
];

const RULES: Readonly<Record<string, Rule>> = {
  pinsImages,
  buildsOwnImages,
  dropsRights,
  boundsResources,
  comesBack,
  endsInTime,
  hidesSecrets,
  keepsRedisIn,
  namesServices,
  knowsItsNames,
  mountsWhatIsThere,
};

/** Everything that is wrong with a compose file, as `rule: service: what`. */
export function composeProblems(model: ComposeModel): string[] {
  return Object.entries(RULES).flatMap(([rule, check]) =>
    Object.entries(model.services).flatMap(([name, service]) =>
      check(service, name, model)
        .filter((problem): problem is string => typeof problem === "string")
        .map((problem) => `${rule}: ${name}: ${problem}`),
    ),
  );
}

/** The build targets of the Dockerfile. */
export function dockerTargets(): readonly string[] {
  return [
    ...readFileSync(path.join(REPOSITORY_ROOT, "infra", "docker", "Dockerfile"), "utf8").matchAll(
      /^FROM .+ AS ([\w-]+)\s*$/gim,
    ),
  ].map(([, name = ""]) => name);
}

/** Seconds of a duration as compose writes it, such as `1m30s`; 0 for none. */
export function secondsOf(text = ""): number {
  const [, minutes = "0", seconds = "0"] = /^(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
  return Number(minutes) * 60 + Number(seconds);
}
