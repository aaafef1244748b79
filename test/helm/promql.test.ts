import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { hasPrometheus } from "../metrics/prometheus-server.js";
import { findChartTool, renderChart } from "./render-chart.js";
import { queriesOf, scalerQueries } from "./rules/metrics.js";
import { CI_SETS, type ValueSet, withValues } from "./value-sets.js";

const isSkipped = findChartTool("helm") === undefined || !hasPrometheus();

const folder = mkdtempSync(path.join(tmpdir(), "farm-promql-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs promtool on a file; its words where it fails. */
function promtool(command: readonly string[], content: unknown): string {
  const file = path.join(folder, "file.json");
  writeFileSync(file, JSON.stringify(content));
  const { status, stdout, stderr } = spawnSync("promtool", [...command, file], { encoding: "utf8" });
  return status === 0 ? "" : `${stdout}${stderr}`;
}

/** The one query by which values scale a pool. */
function queryOf(set: ValueSet, pool: string): string {
  const found = scalerQueries({ manifests: renderChart(set) }).filter(({ where }) =>
    where.endsWith(`-${pool}`),
  );
  const [query] = found;
  if (query === undefined || found.length > 1)
    throw new Error(`Cannot test: pool ${pool} has ${found.length} queries`);
  return query.expr;
}

/** What promtool says when an expression is not `value`, undefined for no data, over some series. */
function evaluate(expr: string, series: Readonly<Record<string, number>>, value: number | undefined): string {
  const input = Object.entries(series).map(([name, sample]) => ({ series: name, values: `${sample}x8` }));
  const samples = value === undefined ? [] : [{ labels: "{}", value }];
  return promtool(["test", "rules"], {
    tests: [
      {
        interval: "15s",
        input_series: input,
        promql_expr_test: [{ expr, eval_time: "1m", exp_samples: samples }],
      },
    ],
  });
}

const SCALED = { "workers.defaults.scaling.enabled": true, "prometheus.serverAddress": "http://p:9090" };
const ONE_POOL = withValues("minimal", SCALED);
const TWO_POOLS = withValues("production", {});
/** What gateways tell of a model with 108 megapixel-steps of work: at 0.9 a second, two minutes of one worker. */
const WORK = "farm_backlog_megapixel_steps";

describe.skipIf(isSkipped)("the expressions of the chart", () => {
  it.each(CI_SETS)("are read by Prometheus: $name", (set) => {
    const rules = queriesOf({ manifests: renderChart(set) }).map(({ expr }, index) => ({
      record: `r${index}`,
      expr,
    }));
    expect(promtool(["check", "rules"], { groups: [{ name: "all", rules }] })).toBe("");
  });

  it("are not read when they are wrong", () => {
    const rules = [{ record: "r", expr: "max(farm_backlog_seconds" }];
    expect(promtool(["check", "rules"], { groups: [{ name: "all", rules }] })).toContain(
      "unclosed left parenthesis",
    );
  });
});

describe.skipIf(isSkipped)("a pool that serves its model alone", () => {
  const expr = isSkipped ? "" : queryOf(ONE_POOL, "l4");
  const labels = '{model="sd35-large"}';
  const told = (rate: number, workers: number) => ({
    [`${WORK}${labels}`]: 108,
    [`farm_rate_megapixel_steps_per_second${labels}`]: rate,
    [`farm_model_workers${labels}`]: workers,
  });

  it("counts seconds by the configured rate until there is a measured one", () => {
    expect(evaluate(expr, { [`${WORK}${labels}`]: 108 }, 120)).toBe("");
    expect(evaluate(expr, { [`${WORK}${labels}`]: 0 }, 0)).toBe("");
  });

  it("counts them by the measured rate of one worker", () => {
    expect(evaluate(expr, told(3.6, 2), 60)).toBe("");
  });

  it("goes back to the configured rate when no worker is left", () => {
    expect(evaluate(expr, told(3.6, 0), 120)).toBe("");
  });

  it("takes the work once, though every gateway tells it", () => {
    const two = {
      [`${WORK}{model="sd35-large",pod="a"}`]: 108,
      [`${WORK}{model="sd35-large",pod="b"}`]: 108,
    };
    expect(evaluate(expr, two, 120)).toBe("");
  });

  it("knows no other model's work, and says nothing where nothing is told", () => {
    expect(evaluate(expr, { [`${WORK}{model="postcards"}`]: 108 }, undefined)).toBe("");
    expect(evaluate(expr, {}, undefined)).toBe("");
  });

  it("is not what another number would be", () => {
    expect(evaluate(expr, { [`${WORK}${labels}`]: 108 }, 121)).toContain("FAILED");
  });
});

describe.skipIf(isSkipped)("two pools that share a model", () => {
  const series = { [`${WORK}{model="sd35-large",namespace="farm"}`]: 99 };

  it("divide its work by their shares and rates", () => {
    expect(evaluate(`round(${queryOf(TWO_POOLS, "l4")}, 0.001)`, series, 77)).toBe("");
    expect(evaluate(`round(${queryOf(TWO_POOLS, "a10g")}, 0.001)`, series, 54)).toBe("");
  });

  it("know no other farm's work", () => {
    const other = { [`${WORK}{model="sd35-large",namespace="staging"}`]: 99 };
    expect(evaluate(queryOf(TWO_POOLS, "l4"), other, undefined)).toBe("");
  });
});
