import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  COMPOSE_DIR,
  type ComposeModel,
  findComposeLoader,
  loadCompose,
  type Service,
  servicesOf,
} from "./compose-model.js";
import { composeProblems, dockerTargets, secondsOf } from "./compose-rules.js";

const program = findComposeLoader() ?? "";
const isMissing = program === "";
const dir = mkdtempSync(path.join(tmpdir(), "latentfarm-compose-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const load = (env: Readonly<Record<string, string>> = {}, ...more: string[]) =>
  loadCompose(program, ["compose.yaml", ...more], env);
const flag = (service: Service | undefined, name: string) => {
  const words = service?.command ?? [];
  return words[words.indexOf(name) + 1];
};
const README = readFileSync(path.join(COMPOSE_DIR, "README.md"), "utf8");

/** What the README has one write into compose.override.yaml for a service. */
function overrideOf(service: string): string {
  const found = [...README.matchAll(/```yaml\n(services:\n[^`]+)```/g)].map(([, text = ""]) => text);
  return found.find((text) => text.includes(`  ${service}:\n`)) ?? "";
}

describe.skipIf(isMissing)("compose.yaml", () => {
  const model = isMissing ? undefined : load();

  it("is valid and keeps every rule", () => {
    expect(model && composeProblems(model)).toEqual([]);
  });

  it("starts a whole farm, and more by profile", () => {
    const farm = ["courier", "gateway", "redis", "s3", "s3-bucket", "worker-cpu"];
    expect(servicesOf(load())).toEqual(farm);
    expect(servicesOf(load(), "observe")).toEqual([...farm, "grafana", "prometheus"].sort());
    expect(servicesOf(load(), "gpu")).toEqual([...farm, "worker-cuda"].sort());
  });

  it("builds every target of the Dockerfile that the farm runs, and none that is not there", () => {
    const built = Object.values(load().services).flatMap(({ build }) => (build ? [build.target] : []));
    expect(built.sort()).toEqual(["cli", "courier", "gateway", "worker-cpu", "worker-cuda"]);
    expect(built.filter((target) => !dockerTargets().includes(target))).toEqual([]);
  });

  it("reserves a GPU for the worker that computes on one, and for no other", () => {
    const devices = (service: Service) => service.deploy?.resources?.reservations?.devices;
    for (const [name, service] of Object.entries(load().services)) {
      const expected =
        name === "worker-cuda" ? [{ driver: "nvidia", count: 1, capabilities: ["gpu"] }] : undefined;
      expect(devices(service), name).toEqual(expected);
    }
    expect(load().services["worker-cuda"]?.environment?.FARM_DEVICE).toBe("cuda");
  });

  it("has a Redis that keeps a log, drops nothing and leaves room for its fork", () => {
    const { redis } = load().services;
    expect(flag(redis, "--appendonly")).toBe("yes");
    expect(flag(redis, "--maxmemory-policy")).toBe("noeviction");
    expect([flag(redis, "--maxmemory"), redis?.mem_limit]).toEqual(["1gb", String(2 * 1024 ** 3)]);
  });
});

describe.skipIf(isMissing)("compose.yaml's wiring", () => {
  it("agrees on its ports", () => {
    const { gateway, s3, cli, courier, ...rest } = load().services;
    const port = (service: Service | undefined) => service?.ports?.[0]?.target;
    expect(gateway?.environment?.FARM_PORT).toBe(String(port(gateway)));
    expect(gateway?.healthcheck?.test.at(-1)).toContain(`http://127.0.0.1:${port(gateway)}/readyz`);
    expect(cli?.environment?.FARM_URL).toBe(`http://gateway:${port(gateway)}`);
    expect(flag(s3, "--port")).toBe(`:${port(s3)}`);
    expect(gateway?.environment?.FARM_S3_ENDPOINT).toBe(`http://s3:${port(s3)}`);
    for (const service of [courier, rest["worker-cpu"], rest["worker-cuda"]]) {
      const metrics = service?.environment?.FARM_METRICS_PORT;
      expect(service?.healthcheck?.test.at(-1)).toContain(`http://127.0.0.1:${metrics}/readyz`);
    }
  });

  it("tells browsers the port that is published", () => {
    const { gateway, s3 } = load({ S3_PORT: "9444", GATEWAY_PORT: "80" }).services;
    expect(s3?.ports?.[0]?.published).toBe("9444");
    expect(gateway?.environment?.FARM_S3_PUBLIC_ENDPOINT).toBe("http://localhost:9444");
    expect(gateway?.ports?.[0]?.published).toBe("80");
    expect(gateway?.environment?.FARM_PUBLIC_URL).toBe("http://localhost:80");
  });

  it("sends traces to nobody, or to the collector of the README, which all that trace can reach", () => {
    const tracing = ["courier", "gateway", "worker-cpu", "worker-cuda"];
    for (const name of tracing)
      expect(load().services[name]?.environment?.OTEL_EXPORTER_OTLP_ENDPOINT, name).toBe("");
    const [, endpoint = ""] = /^OTEL_EXPORTER_OTLP_ENDPOINT=(\S+) /m.exec(README) ?? [];
    const unreached = (text: string) => {
      const file = path.join(dir, "collector.yaml");
      writeFileSync(file, text);
      const problems = composeProblems(load({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, file));
      return problems.filter((problem) => problem.startsWith("namesServices"));
    };
    expect(endpoint).toBe("http://jaeger:4318");
    expect(unreached(overrideOf("jaeger"))).toEqual([]);
    const astray = unreached(overrideOf("jaeger").replace("[metrics, edge]", "[edge]"));
    expect(astray.map((problem) => problem.split(": ")[1])).toEqual(["worker-cpu", "worker-cuda"]);
  });

  it("signs pictures with the README's override, which keeps every rule", () => {
    const file = path.join(dir, "credentials.yaml");
    writeFileSync(file, overrideOf("worker-cpu"));
    const model = load({}, file);
    expect(composeProblems(model)).toEqual([]);
    const worker = model.services["worker-cpu"];
    expect(worker?.environment?.FARM_C2PA_KEY).toBe("/run/secrets/c2pa_key");
    expect(worker?.secrets).toHaveLength(4);
  });

  it("takes pictures to a bucket elsewhere with compose.bucket.yaml", () => {
    const env = { FARM_S3_REGION: "eu-central-1", FARM_S3_BUCKET: "acme-pictures" };
    const other = load(env, "compose.bucket.yaml");
    expect(servicesOf(other)).toEqual(["courier", "gateway", "redis", "worker-cpu"]);
    const { gateway } = other.services;
    expect(gateway?.environment).toMatchObject({ ...env, FARM_S3_ENDPOINT: "", FARM_S3_PUBLIC_ENDPOINT: "" });
    expect(gateway?.environment?.FARM_S3_PATH_STYLE).toBe("0");
    // Workers must reach the bucket, and nothing else is given up.
    expect(composeProblems(other)).toEqual([
      "keepsRedisIn: worker-cpu: a worker can call out",
      "keepsRedisIn: worker-cuda: a worker can call out",
    ]);
    expect(() => load({}, "compose.bucket.yaml")).toThrow(/FARM_S3_REGION/);
  });
});

describe.skipIf(isMissing)("compose-go", () => {
  it.each([
    ["a word that the specification does not have", "  redis:\n    imagee: redis\n", /imagee/],
    ["a service that needs one that is not there", "  redis:\n    depends_on: [nobody]\n", /nobody/],
    ["a network that is not declared", "  redis:\n    networks: [nowhere]\n", /nowhere/],
    ["a secret that is not declared", "  redis:\n    secrets: [nothing]\n", /nothing/],
  ])("refuses %s", (_what, text, message) => {
    const file = path.join(dir, "fault.yaml");
    writeFileSync(file, `services:\n${text}`);
    expect(() => load({}, file)).toThrow(message);
  });
});

/** A service that tests may spoil. */
type Spoiled = { -readonly [Field in keyof Service]: Service[Field] };

const FAULTS: readonly (readonly [string, string, (service: Spoiled) => unknown])[] = [
  ["pinsImages: redis", "redis", (service) => (service.image = "redis:latest")],
  ["pinsImages: redis", "redis", (service) => (service.image = "redis")],
  ["buildsOwnImages: gateway", "gateway", (service) => (service.image = "latentfarm/gateway:0.0.9")],
  ["buildsOwnImages: gateway", "gateway", (service) => (service.pull_policy = "always")],
  ["dropsRights: courier", "courier", (service) => (service.read_only = false)],
  ["dropsRights: courier", "courier", (service) => delete service.user],
  ["dropsRights: s3", "s3", (service) => (service.cap_add = ["SYS_ADMIN"])],
  ["dropsRights: grafana", "grafana", (service) => (service.cap_drop = [])],
  ["dropsRights: redis", "redis", (service) => (service.security_opt = [])],
  ["dropsRights: gateway", "gateway", (service) => (service.tmpfs = ["/tmp"])],
  ["boundsResources: s3", "s3", (service) => delete service.mem_limit],
  ["boundsResources: s3", "s3", (service) => delete service.logging],
  ["comesBack: worker-cpu", "worker-cpu", (service) => delete service.healthcheck],
  ["comesBack: worker-cpu", "worker-cpu", (service) => (service.restart = "on-failure")],
  ["comesBack: s3-bucket", "s3", (service) => delete service.depends_on],
  [
    "comesBack: s3",
    "s3",
    (service) => (service.depends_on = { "s3-bucket": { condition: "service_started" } }),
  ],
  ["endsInTime: worker-cuda", "worker-cuda", (service) => (service.stop_grace_period = "1m10s")],
  ["endsInTime: gateway", "gateway", (service) => delete service.stop_grace_period],
  ["hidesSecrets: gateway", "gateway", (service) => (service.secrets = [])],
  [
    "hidesSecrets: courier",
    "courier",
    (service) => (service.environment = { FARM_REDIS_URL: "redis://:pw@redis" }),
  ],
  ["hidesSecrets: s3", "s3", (service) => (service.environment = { ROOT_SECRET_ACCESS_KEY: "abc" })],
  ["keepsRedisIn: redis", "redis", (service) => (service.ports = [{ target: 6379, host_ip: "127.0.0.1" }])],
  ["keepsRedisIn: redis", "redis", (service) => (service.networks = { edge: null })],
  ["keepsRedisIn: gateway", "gateway", (service) => (service.ports = [{ target: 8080 }])],
  ["keepsRedisIn: grafana", "grafana", (service) => (service.networks = { metrics: null })],
  ["namesServices: courier", "courier", (service) => (service.networks = { metrics: null })],
  [
    "knowsItsNames: worker-cpu",
    "worker-cpu",
    (service) => (service.environment = { FARM_DRAIN_SECOND: "30" }),
  ],
  [
    "mountsWhatIsThere: redis",
    "redis",
    (service) => (service.volumes = [{ type: "volume", source: "data", target: "/data" }]),
  ],
  [
    "mountsWhatIsThere: worker-cpu",
    "worker-cpu",
    (service) => (service.volumes = [{ type: "bind", source: "/nowhere", target: "/models" }]),
  ],
  [
    "mountsWhatIsThere: grafana",
    "grafana",
    (service) => (service.configs = [{ source: "gone", target: "/etc/a" }]),
  ],
];

describe.skipIf(isMissing)("composeProblems()", () => {
  it.each(FAULTS)("finds a planted fault as %s", (found, name, spoil) => {
    const model: { services: Record<string, Spoiled> } & ComposeModel = structuredClone(load());
    const service = model.services[name];
    if (service !== undefined) spoil(service);
    expect(composeProblems(model).join("\n")).toContain(`${found}: `);
  });

  it("reads durations", () => {
    expect([secondsOf("1m30s"), secondsOf("20s"), secondsOf("2m"), secondsOf()]).toEqual([90, 20, 120, 0]);
  });
});

describe("make-secrets.sh", () => {
  const script = path.join(COMPOSE_DIR, "make-secrets.sh");
  const folder = path.join(dir, "secrets");
  const make = () => execFileSync("sh", [script, folder], { encoding: "utf8" });
  const read = (name: string) => readFileSync(path.join(folder, name), "utf8");
  const NAMES = ["redis_password", "grafana_password", "s3_credentials"];

  it("makes each secret once, out of reach of other users of the machine", () => {
    expect(make()).toMatch(/redis_password is made/);
    const before = NAMES.map(read);
    expect(before[0]).toMatch(/^[0-9a-f]{48}$/);
    expect(before[1]).not.toBe(before[0]);
    expect(before[2]).toMatch(
      /^\[default\]\naws_access_key_id = latentfarm\naws_secret_access_key = [0-9a-f]{48}\n$/,
    );
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of NAMES) expect(statSync(path.join(folder, name)).mode & 0o777).toBe(0o644);
    expect(make()).toMatch(/redis_password stays as it is/);
    expect(NAMES.map(read)).toEqual(before);
  });

  it.skipIf(isMissing)("makes those that compose.yaml mounts", () => {
    const files = Object.values(load().secrets).map(({ file }) => path.relative(COMPOSE_DIR, file));
    expect(files.sort()).toEqual(NAMES.map((name) => `secrets/${name}`).sort());
  });
});
