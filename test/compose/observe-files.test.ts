import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { hasPrometheus } from "../metrics/prometheus-server.js";
import { COMPOSE_DIR, findComposeLoader, loadCompose, namesSeenBy } from "./compose-model.js";

const program = findComposeLoader() ?? "";
const isMissing = program === "";
const isSkipped = !hasPrometheus() && process.env.FARM_TEST_REQUIRED !== "1";
const dir = mkdtempSync(path.join(tmpdir(), "latentfarm-observe-files-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const INFRA = path.join(REPOSITORY_ROOT, "infra");
const read = (...parts: string[]) => readFileSync(path.join(COMPOSE_DIR, ...parts), "utf8");

/** What Prometheus looks up for a job. */
interface Scrape {
  readonly job_name: string;
  readonly dns_sd_configs: readonly { readonly names: readonly string[]; readonly port: number }[];
}

// The forms are Prometheus' and Grafana's own; promtool and the tests below hold the files against them.
const scrapes = () => (parse(read("prometheus.yml")) as { scrape_configs: Scrape[] }).scrape_configs;

describe("prometheus.yml", () => {
  const check = (text: string) => {
    const file = path.join(dir, "prometheus.yml");
    writeFileSync(
      file,
      text.replace("/etc/prometheus/rules.yml", path.join(INFRA, "prometheus", "rules.yml")),
    );
    return spawnSync("promtool", ["check", "config", file], { encoding: "utf8" });
  };

  it.skipIf(isSkipped)("passes promtool's check with the alerts, which finds a planted fault", () => {
    const { status, stdout, stderr } = check(read("prometheus.yml"));
    expect(status, `${stdout}${stderr}`).toBe(0);
    expect(stdout).toMatch(/SUCCESS: \d\d rules found/);
    expect(check(read("prometheus.yml").replace("scrape_interval", "scrape_intervall")).status).toBe(1);
  });

  it("has the jobs that alerts and dashboards ask for", () => {
    expect(scrapes().map(({ job_name: job }) => job)).toEqual(["gateway", "worker", "courier"]);
    const asked = readFileSync(path.join(INFRA, "prometheus", "rules.yml"), "utf8").matchAll(
      /job=~?"([\w|]+)"/g,
    );
    const jobs = [...asked].flatMap(([, names = ""]) => names.split("|"));
    expect(new Set(jobs)).toEqual(new Set(["gateway", "worker", "courier"]));
  });

  it.skipIf(isMissing)(
    "looks up names that Prometheus' container can see, at the ports that tell metrics",
    () => {
      const model = loadCompose(program, ["compose.yaml"]);
      const { prometheus } = model.services;
      const seen = prometheus === undefined ? [] : namesSeenBy(model, prometheus);
      for (const { job_name: job, dns_sd_configs: lookups } of scrapes()) {
        for (const { names, port } of lookups) {
          expect(
            names.filter((name) => !seen.includes(name)),
            job,
          ).toEqual([]);
          const name = names[0] ?? "";
          const served = Object.entries(model.services).filter(
            ([service, { networks }]) => service === name || networks?.metrics?.aliases?.includes(name),
          );
          expect(served.length, job).toBeGreaterThan(0);
          for (const [, { environment }] of served)
            expect(environment?.FARM_METRICS_PORT ?? environment?.FARM_PORT, job).toBe(String(port));
        }
      }
    },
  );
});

describe("Grafana's provisioning", () => {
  const [source] = (parse(read("grafana", "datasources.yml")) as { datasources: Record<string, unknown>[] })
    .datasources;
  const [provider] = (
    parse(read("grafana", "dashboards.yml")) as { providers: { type: string; options: { path: string } }[] }
  ).providers;
  const dashboards = readdirSync(path.join(INFRA, "grafana")).filter((name) => name.endsWith(".json"));

  it("makes the default data source of the type that every dashboard asks for", () => {
    expect(source).toMatchObject({ type: "prometheus", isDefault: true, url: "http://prometheus:9090" });
    expect(dashboards.length).toBeGreaterThan(0);
    for (const name of dashboards) {
      const text = readFileSync(path.join(INFRA, "grafana", name), "utf8");
      const uids = [...text.matchAll(/"uid": "([^"]+)"/g)].map(([, uid]) => uid);
      // Its own uid, and else none but that of the variable, whose default is the default data source.
      expect(
        uids.filter((uid) => !uid?.startsWith("$") && uid !== name.replace(".json", "")),
        name,
      ).toEqual([]);
      const { templating } = JSON.parse(text) as { templating: { list: Record<string, unknown>[] } };
      expect(templating.list, name).toContainEqual(
        expect.objectContaining({ name: "datasource", type: "datasource", query: "prometheus" }),
      );
    }
  });

  it.skipIf(isMissing)("finds the dashboards, and the first page, where compose.yaml mounts them", () => {
    const { grafana } = loadCompose(program, ["compose.yaml"]).services;
    const mount = grafana?.volumes?.find(({ target }) => target === provider?.options.path);
    expect(mount?.source).toBe(path.join(INFRA, "grafana"));
    const home = grafana?.environment?.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH ?? "";
    expect(existsSync(home.replace(provider?.options.path ?? "", mount?.source ?? ""))).toBe(true);
    expect(grafana?.configs?.map(({ target }) => path.dirname(target))).toEqual([
      "/etc/grafana/provisioning/datasources",
      "/etc/grafana/provisioning/dashboards",
    ]);
  });
});
