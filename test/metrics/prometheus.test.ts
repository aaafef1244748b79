import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DASHBOARDS } from "./dashboards/dashboards.js";
import { type ObservedFarm, startObservedFarm } from "./loaded-farm.js";
import { fillVariables, metricsNamedIn, tellComparisons } from "./metric-names.js";
import { hasPrometheus, type PrometheusServer, type Rule, startPrometheus } from "./prometheus-server.js";

/** The window of rates: some scrapes of one second each. */
const WINDOW = "15s";
/** A farm of processes under load on two busy cores. */
const LOAD_MS_MAX = 240_000;
/** Scrapes and evaluations after the load. */
const SETTLE_MS = 4_000;

const isSkipped = !hasPrometheus() && process.env.FARM_TEST_REQUIRED !== "1";

const QUERIES = DASHBOARDS.flatMap(({ title, rows }) =>
  rows.flatMap(({ panels }) =>
    panels.flatMap((panel) =>
      panel.queries.map(({ expr }) => ({
        name: `${title}: ${panel.title}`,
        expr: fillVariables(expr, WINDOW),
      })),
    ),
  ),
);

describe.skipIf(isSkipped)("a Prometheus that scrapes a loaded farm", () => {
  const startMs = Date.now();
  let observed: ObservedFarm;
  let prometheus: PrometheusServer;
  let rules: readonly Rule[];

  beforeAll(async () => {
    observed = await startObservedFarm();
    prometheus = await startPrometheus(path.join(observed.farm.dataDir, "prometheus"), observed.targets);
    await observed.load();
    await delay(SETTLE_MS);
    rules = await prometheus.rules();
  }, LOAD_MS_MAX);

  afterAll(async () => {
    await prometheus?.[Symbol.asyncDispose]();
    await observed?.[Symbol.asyncDispose]();
  });

  /** Whether an expression gave at least one number in the time of the load. */
  async function hasNumber(expr: string): Promise<boolean> {
    const series = await prometheus.queryRange(expr, startMs);
    return series.some(({ values }) => values.some(([, value]) => Number.isFinite(Number(value))));
  }

  it("reaches every process", async () => {
    for (const job of ["gateway", "worker", "courier"])
      expect(await hasNumber(`up{job="${job}"} == 1`), job).toBe(true);
  });

  it.each(QUERIES)("$name: $expr", async ({ expr }) => {
    expect(await hasNumber(expr)).toBe(true);
  });

  it("evaluates every rule without an error", () => {
    expect(rules.length).toBeGreaterThan(15);
    expect(rules.filter(({ health }) => health !== "ok")).toEqual([]);
  });

  it("has data on both sides of every comparison of every alert", async () => {
    for (const { name, query } of rules) {
      expect(await hasNumber(tellComparisons(query)), `${name}: ${query}`).toBe(true);
      for (const metric of metricsNamedIn(query)) expect(await hasNumber(metric), metric).toBe(true);
    }
  });

  it("tells what the load has done", async () => {
    const latest = async (expr: string) => {
      const series = await prometheus.queryRange(expr, startMs);
      return Number(series[0]?.values.at(-1)?.[1]);
    };
    expect(await latest("max(farm_frames_failed_total)")).toBe(1);
    expect(await latest("max(farm_jobs_canceled_total)")).toBe(1);
    expect(await latest("sum(farm_engine_restarts_total)")).toBe(1);
    expect(await latest("sum(farm_resumed_steps_total)")).toBeGreaterThan(0);
    expect(await latest('sum(farm_frame_attempts_total{outcome="drawn"})')).toBe(
      await latest("max(farm_frames_succeeded_total)"),
    );
    expect(await latest('sum(farm_delivery_attempts_total{outcome="status"})')).toBeGreaterThan(0);
    expect(await latest('sum(farm_http_problems_total{code="invalid_request"})')).toBe(1);
    expect(await latest("sum(farm_cost_megapixel_steps_total)")).toBeGreaterThan(0);
  });

  it("keeps the number of series small", async () => {
    const series = await prometheus.queryRange('count by (job) ({__name__=~"farm_.*"})', startMs);
    // Measured: some 900 of the worker, most of them buckets.
    for (const { metric, values } of series)
      expect(Number(values.at(-1)?.[1]), metric.job).toBeLessThan(2_000);
  });
});
