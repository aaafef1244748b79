import { COUNTERS } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { tenantClassOf } from "./label-sets.js";
import { METRIC_PROCESSES, type MetricSpec } from "./metric-spec.js";
import { METRICS } from "./metric-table.js";
import { createMetrics } from "./metrics.js";

const TABLE = Object.entries<MetricSpec>(METRICS);

/** What a name may end in, before `_total`: a unit, or what is counted. */
const UNITS =
  /_(seconds|bytes|ratio|rows|watts|celsius|steps|megapixel_steps|megapixel_steps_per_second|frames|workers|slots|events|attempts|batches|restarts|resumes|problems|up|off|only|sick|queued|running|submitted|succeeded|failed|canceled|expired|superseded|interrupted|lost|poisoned|delivered|dead|overflowed|band|held|pictures|cost|updates)$/;

/** Labels that may exist at all; a new one is thought about here. */
const LABELS = [
  "outcome",
  "tenant_class",
  "model",
  "phase",
  "limit",
  "gpu",
  "route",
  "method",
  "status_class",
  "code",
  "operation",
];

/** Series of one metric in one process at most, buckets left out; more is a mistake in its labels. */
const SERIES_MAX = 2_048;

describe("METRICS", () => {
  it("has names of one form, with a unit and _total for counters alone", () => {
    for (const [name, { type }] of TABLE) {
      expect(name).toMatch(/^farm(_[a-z]+)+$/);
      expect(name.endsWith("_total"), name).toBe(type === "counter");
      expect(name.replace(/_(total|max_bytes)$/, (end) => (end === "_total" ? "" : "_bytes"))).toMatch(UNITS);
    }
  });

  it("says in a phrase what each is, and buckets for each histogram of a process", () => {
    for (const [name, { type, help, scope, buckets }] of TABLE) {
      expect(help, name).toMatch(/^[A-Z0-9].{8,}[^.]$/);
      if (type === "histogram" && scope === "process") expect(buckets?.length, name).toBeGreaterThan(4);
      expect([...(buckets ?? [])], name).toEqual([...(buckets ?? [])].sort((a, b) => a - b));
    }
  });

  it("has labels from bounded sets only, none of which names a tenant", () => {
    for (const [name, { labels }] of TABLE) {
      const sizes = Object.entries(labels).map(([label, values]) => {
        expect(LABELS, name).toContain(label);
        return "countMax" in values ? values.countMax : new Set(values).size;
      });
      // A route has one or two methods, so their product overstates it.
      const series = sizes.reduce((product, size) => product * size, 1);
      expect(series, name).toBeLessThanOrEqual(SERIES_MAX);
    }
  });

  it("has every counter of the contract", () => {
    for (const name of COUNTERS) expect(Object.keys(METRICS)).toContain(`farm_${name}_total`);
  });

  it("is exported by at least one process each, the farm's by gateways", () => {
    for (const [name, { scope, processes }] of TABLE) {
      expect(processes.length, name).toBeGreaterThan(0);
      if (scope === "farm") expect(processes, name).toEqual(["gateway"]);
      for (const process of processes) expect(METRIC_PROCESSES).toContain(process);
    }
  });
});

describe("createMetrics()", () => {
  it("tells what the table has for the process, and process and event loop", async () => {
    for (const process of METRIC_PROCESSES) {
      const text = await createMetrics(process).text();
      for (const [name, { scope, processes }] of TABLE) {
        const told = text.includes(`# TYPE ${name} `);
        expect(told, `${process} ${name}`).toBe(scope === "process" && processes.includes(process));
      }
      expect(text).toMatch(/^process_cpu_seconds_total /m);
      expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
    }
  });

  it("begins closed counters at 0, so that the first event is an increase", async () => {
    const text = await createMetrics("courier").text();
    expect(text).toContain('farm_delivery_attempts_total{outcome="tls_failed"} 0');
  });

  it("holds labels to their sets and counts the rest as other", async () => {
    const metrics = createMetrics("worker");
    const labels = { outcome: "drawn", tenant_class: "keyed" } as const;
    for (let i = 0; i < 40; i++)
      metrics.count("farm_frame_attempts_total", { ...labels, model: `model-${i}` });
    const text = await metrics.text();
    expect(text.match(/^farm_frame_attempts_total\{/gm)).toHaveLength(33);
    expect(text).toContain('farm_frame_attempts_total{outcome="drawn",tenant_class="keyed",model="other"} 8');
  });

  it("refuses a metric of another process", () => {
    const metrics = createMetrics("courier");
    expect(() => metrics.set("farm_engine_up", {}, 1)).toThrow(RangeError);
  });

  it("looks before each scrape, and forgets what is no longer known", async () => {
    const metrics = createMetrics("worker");
    let scrapes = 0;
    metrics.onScrape(async () => metrics.set("farm_worker_frames", {}, ++scrapes));
    metrics.set("farm_gpu_power_watts", { gpu: "0" }, 70);
    expect(await metrics.text()).toContain('farm_gpu_power_watts{gpu="0"} 70');
    metrics.forget("farm_gpu_power_watts");
    const text = await metrics.text();
    expect(text).toContain("farm_worker_frames 2");
    expect(text).not.toMatch(/^farm_gpu_power_watts/m);
  });
});

describe("tenantClassOf()", () => {
  it("knows the tenant without a key from the others", () => {
    expect([tenantClassOf("default"), tenantClassOf("acme")]).toEqual(["default", "keyed"]);
  });
});
