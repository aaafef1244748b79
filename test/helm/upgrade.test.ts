import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readPrevious } from "./previous.js";
import { CHART, findChartTool, renderChart } from "./render-chart.js";
import { blockedChanges } from "./rules/immutable.js";
import { CI_SETS, withValues } from "./value-sets.js";

const isSkipped = findChartTool("helm") === undefined;
const NEXT_VERSION = "9.9.9";

/** What operators change in the life of a release, on a farm of each kind. */
const CHANGES: readonly (readonly [set: string, values: Readonly<Record<string, unknown>>])[] = [
  ["production", { "gateway.replicas": 5, "courier.replicas": 1 }],
  ["production", { "gateway.autoscaling.enabled": false }],
  ["production", { "image.tag": NEXT_VERSION, "image.registry": "other.example.com" }],
  ["production", { commonLabels: { team: "other", cost: "42" } }],
  ["trial", { commonLabels: { team: "other" } }],
  ["production", { podAnnotations: { a: "b" }, "gateway.podLabels": { c: "d" } }],
  ["trial", { "redis.bundled.resources.limits.memory": "2Gi", "redis.bundled.maxMemory": "1gb" }],
  ["trial", { "redis.existingSecret": "another", "redis.bundled.image.tag": "8.2.7-bookworm" }],
  ["production", { "workers.pools.h100": { nodeSelector: { gpu: "h100" }, scaling: { enabled: false } } }],
  [
    "production",
    { "workers.pools.l4.resources.requests.memory": "20Gi", "workers.pools.l4.drainSeconds": 90 },
  ],
  ["production", { "workers.defaults.modelCache": { type: "emptyDir", evict: false } }],
  ["production", { "monitoring.enabled": false, "networkPolicy.enabled": false }],
  ["production", { "workers.podDeletionCost.enabled": false, "tools.gc.enabled": false }],
  ["production", { "gateway.service.port": 8080, "gateway.ingress.enabled": false }],
];

describe("the last release", () => {
  it.each(CI_SETS)("is stored for the value set $name", ({ name }) => {
    expect(readPrevious(name)?.length).toBeGreaterThan(10);
  });
});

describe.skipIf(isSkipped)("an upgrade", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "farm-next-"));
  const next = path.join(folder, "latentfarm");

  beforeAll(() => {
    cpSync(CHART, next, { recursive: true });
    const file = path.join(next, "Chart.yaml");
    const text = readFileSync(file, "utf8").replace(/^(version|appVersion): .*$/gm, `$1: "${NEXT_VERSION}"`);
    writeFileSync(file, text);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(CI_SETS)("from the last release to this chart changes nothing immutable: $name", (set) => {
    expect(blockedChanges(readPrevious(set.name) ?? [], renderChart(set))).toEqual([]);
  });

  it.each(CI_SETS)("to the next version of this chart changes nothing immutable: $name", (set) => {
    const after = renderChart({ ...set, chart: next });
    expect(JSON.stringify(after)).toContain(NEXT_VERSION);
    expect(blockedChanges(renderChart(set), after)).toEqual([]);
  });

  it.each(CHANGES)("of %s with %j changes nothing immutable", (name, values) => {
    const before = renderChart(withValues(name, {}));
    const after = renderChart(withValues(name, values));
    expect(after).not.toEqual(before);
    expect(blockedChanges(before, after)).toEqual([]);
  });

  it("that would change the volume of Redis is found", () => {
    const larger = renderChart(withValues("trial", { "redis.bundled.persistence.size": "2Gi" }));
    expect(blockedChanges(renderChart(withValues("trial", {})), larger)).toEqual([
      "StatefulSet/farm-latentfarm-redis: spec.volumeClaimTemplates changes",
    ]);
  });

  it("that would rename the farm is found, as its volumes would be gone", () => {
    const renamed = renderChart(withValues("trial", { fullnameOverride: "other" }));
    expect(blockedChanges(renderChart(withValues("trial", {})), renamed)).toEqual(
      expect.arrayContaining(["StatefulSet/farm-latentfarm-redis is gone"]),
    );
  });
});
