import { readdirSync, readFileSync } from "node:fs";
import { BlockList } from "node:net";
import path from "node:path";
import { parseFarmEnv } from "@latentfarm/contract";
import { guardAddress, STRICT_POLICY } from "@latentfarm/webhooks";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { REPOSITORY_ROOT } from "../harness/index.js";
import {
  CHART_README,
  chartCopies,
  chartReadme,
  openObjects,
  readChart,
  schemaAt,
  schemaPaths,
  valuePaths,
} from "./chart-files.js";
import { CHART, findChartTool } from "./render-chart.js";
import { asRecord, dig, digText } from "./tree.js";

const VALUES: unknown = parse(readChart("values.yaml"));
const SCHEMA: unknown = JSON.parse(readChart("values.schema.json"));

describe("files that the chart has from elsewhere", () => {
  it.each(chartCopies())("$copy is what $source is", ({ source, copy }) => {
    expect(readFileSync(copy, "utf8")).toBe(readFileSync(source, "utf8"));
  });

  it("files/ has nothing else", () => {
    const files = readdirSync(path.join(CHART, "files"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name));
    expect(files.sort()).toEqual(
      chartCopies()
        .map(({ copy }) => copy)
        .sort(),
    );
  });

  it.skipIf(findChartTool("helm-docs") === undefined)("README.md is what helm-docs writes", () => {
    expect(readFileSync(CHART_README, "utf8")).toBe(chartReadme());
  });

  it("Chart.yaml has the version of the packages", () => {
    const { version } = JSON.parse(readFileSync(path.join(REPOSITORY_ROOT, "package.json"), "utf8"));
    const chart: unknown = parse(readChart("Chart.yaml"));
    expect([digText(chart, "version"), digText(chart, "appVersion")]).toEqual([version, version]);
  });
});

describe("values.schema.json", () => {
  it("knows every value of values.yaml", () => {
    expect(valuePaths(VALUES).filter((at) => schemaAt(SCHEMA, at) === undefined)).toEqual([]);
  });

  it("knows no value that values.yaml lacks", () => {
    const has = (at: string) => dig(VALUES, at) !== undefined;
    expect(schemaPaths(SCHEMA).filter((at) => !has(at))).toEqual(["global"]);
  });

  it("lets no misspelt name through", () => {
    expect(openObjects(SCHEMA)).toEqual([]);
    expect(openObjects({ type: "object", properties: { a: { type: "object", properties: {} } } })).toEqual([
      "#",
      "#/properties/a",
    ]);
  });

  it("schemaAt() and schemaPaths() follow references, and know what is absent", () => {
    const schema = {
      properties: { a: { $ref: "#/definitions/b" } },
      definitions: { b: { properties: { c: { type: "integer" } } } },
    };
    expect(schemaAt(schema, "a.c")).toEqual({ type: "integer" });
    expect(schemaAt(schema, "a.d")).toBeUndefined();
    expect(schemaPaths(schema)).toEqual(["a.c"]);
    expect(valuePaths({ a: { c: 1, d: {} }, e: [1] })).toEqual(["a.c", "a.d", "e"]);
  });
});

/** Numbers of the values that become variables of a process, with the same bounds as packages/contract gives them. */
const BOUNDED: readonly (readonly [at: string, name: string])[] = [
  ["gateway.lameDuckSeconds", "FARM_LAME_DUCK_SECONDS"],
  ["courier.concurrency", "FARM_COURIER_CONCURRENCY"],
  ["store.s3.presignSeconds", "FARM_S3_PRESIGN_SECONDS"],
  ["workers.defaults.concurrency", "FARM_WORKER_CONCURRENCY"],
  ["workers.defaults.snapshotSteps", "FARM_SNAPSHOT_STEPS"],
  ["workers.defaults.drainSeconds", "FARM_DRAIN_SECONDS"],
];

describe("bounds of values", () => {
  const takes = (name: string, value: number) => {
    try {
      parseFarmEnv({ [name]: String(value) });
      return true;
    } catch {
      return false;
    }
  };

  it.each(BOUNDED)("%s has those of %s", (at, name) => {
    const { minimum, maximum } = asRecord(schemaAt(SCHEMA, at));
    const [min, max] = [Number(minimum), Number(maximum)];
    expect([min - 1, min, max, max + 1].map((value) => takes(name, value))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it("workers.defaults.engineThreads has those of FARM_ENGINE_THREADS, beside 0 for none", () => {
    const { minimum, maximum } = asRecord(schemaAt(SCHEMA, "workers.defaults.engineThreads"));
    expect(minimum).toBe(0);
    const max = Number(maximum);
    expect([0, 1, max, max + 1].map((value) => takes("FARM_ENGINE_THREADS", value))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

describe("networks that webhooks may not reach", () => {
  const rules = readChart("templates", "network", "_rules.tpl");
  const listed = [...rules.matchAll(/^ {6}- ([0-9a-f.:]+)\/(\d+)$/gm)].map(([, network = "", bits = ""]) => ({
    network,
    bits: Number(bits),
    family: network.includes(":") ? ("ipv6" as const) : ("ipv4" as const),
  }));
  const excluded = new BlockList();
  for (const { network, bits, family } of listed) excluded.addSubnet(network, bits, family);
  const ranges = readFileSync(
    path.join(REPOSITORY_ROOT, "packages", "webhooks", "src", "address", "address-ranges.ts"),
    "utf8",
  );
  const guarded = [...ranges.matchAll(/\["([0-9a-f.:]+)", (\d+), /g)].map(([, network = ""]) => network);

  it("finds both lists", () => {
    expect(listed.length).toBeGreaterThan(15);
    expect(guarded.length).toBeGreaterThan(30);
  });

  it.each(guarded)("the policy leaves out %s, as the courier's guard does", (network) => {
    const isIpv6 = network.includes(":");
    // The policy allows no IPv6 outside of 2000::/3.
    const isGlobal = !isIpv6 || /^[23][0-9a-f]{3}:/.test(network);
    expect(excluded.check(network, isIpv6 ? "ipv6" : "ipv4") || !isGlobal).toBe(true);
  });

  it.each(listed)("the guard refuses $network, which the policy leaves out", ({ network }) => {
    expect(guardAddress(network, STRICT_POLICY, () => new Set())).toBeDefined();
  });
});
