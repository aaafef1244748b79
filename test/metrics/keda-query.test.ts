import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { REPOSITORY_ROOT } from "../harness/index.js";
import type { FarmSample } from "../load/autoscale/farm-samples.js";
import { backlogSeconds, configuredBacklogSeconds } from "../load/autoscale/scaling-signals.js";
import { hasPrometheus } from "./prometheus-server.js";

const TEMPLATE = path.join(REPOSITORY_ROOT, "helm", "latentfarm", "templates", "_pools.tpl");

/** Parts of a second to which promtool's numbers are compared. */
const PARTS = 1_000;

const RATE = 0.9;
const SHARE = 0.3;

/** The two texts of the query as the chart has them, for `printf`. */
const [measured = "", configured = ""] = [
  ...readFileSync(TEMPLATE, "utf8").matchAll(/printf "(max\(farm_backlog[^"]+)"/g),
].map(([, text]) => text ?? "");

function fill(format: string, numbers: readonly number[]): string {
  const left = [...numbers];
  return format.replaceAll("%s", '{model="m"}').replaceAll("%v", () => String(left.shift()));
}

const query = fill(measured, [RATE]);
const sharedQuery = fill(configured, [SHARE, RATE]);

interface Series {
  readonly series: string;
  readonly values: string;
}

/** The series of a gateway that tells such a sample; one that is not known has none. */
function gateway(name: string, sample: Pick<FarmSample, "backlog" | "workers" | "rate">): Series[] {
  const labels = `{model="m",instance="${name}",job="gateway"}`;
  const { backlog, workers, rate } = sample;
  return [
    { series: `farm_backlog_megapixel_steps${labels}`, values: `${backlog}x4` },
    { series: `farm_model_workers${labels}`, values: `${workers}x4` },
    ...(rate === null
      ? []
      : [{ series: `farm_rate_megapixel_steps_per_second${labels}`, values: `${rate}x4` }]),
  ];
}

/** Whether Prometheus evaluates a query to this number on these series, or to nothing where it is undefined. */
function evaluatesTo(expr: string, series: readonly Series[], value: number | undefined): boolean {
  const folder = mkdtempSync(path.join(tmpdir(), "latentfarm-keda-query-"));
  const file = path.join(folder, "query.yml");
  const rounded = `round((${expr}) * ${PARTS})`;
  const samples = value === undefined ? [] : [{ labels: "{}", value: Math.round(value * PARTS) }];
  const test = {
    interval: "15s",
    input_series: [...series, { series: 'farm_backlog_megapixel_steps{model="other"}', values: "9999x4" }],
    promql_expr_test: [{ expr: rounded, eval_time: "1m", exp_samples: samples }],
  };
  writeFileSync(file, stringify({ rule_files: [], evaluation_interval: "15s", tests: [test] }));
  const { status } = spawnSync("promtool", ["test", "rules", file], { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  return status === 0;
}

function signalOf(sample: Pick<FarmSample, "backlog" | "workers" | "rate">, share = 1): number | undefined {
  const rest = { atMs: 0, queued: 0, running: 0, busy: null };
  const signal = share === 1 ? backlogSeconds : configuredBacklogSeconds;
  return signal({ recent: [{ ...rest, ...sample }], configuredRate: RATE, share, coming: () => 0 });
}

describe.skipIf(!hasPrometheus() && process.env.FARM_TEST_REQUIRED !== "1")(
  "the chart's query for KEDA",
  () => {
    const busy = { backlog: 1_234.5, workers: 3, rate: 2.5 };

    it("is the work for one worker at the measured rate, told by one gateway or by two", () => {
      expect(signalOf(busy)).toBeCloseTo(1_234.5 / (2.5 / 3), 9);
      expect(evaluatesTo(query, gateway("a", busy), signalOf(busy))).toBe(true);
      expect(evaluatesTo(query, [...gateway("a", busy), ...gateway("b", busy)], signalOf(busy))).toBe(true);
    });

    it("takes the configured rate while no worker has drawn, and while there is none", () => {
      for (const workers of [0, 2]) {
        const asleep = { backlog: 90, workers, rate: null };
        expect(signalOf(asleep)).toBeCloseTo(100, 9);
        expect(evaluatesTo(query, gateway("a", asleep), signalOf(asleep))).toBe(true);
      }
    });

    it("stays finite where a gateway tells a rate of no workers", () => {
      const torn = { backlog: 90, workers: 0, rate: 2 };
      expect(evaluatesTo(query, gateway("a", torn), 100)).toBe(true);
    });

    it("is zero without work, and nothing at all when no gateway tells of the model", () => {
      expect(evaluatesTo(query, gateway("a", { ...busy, backlog: 0 }), 0)).toBe(true);
      expect(evaluatesTo(query, [], undefined)).toBe(true);
      expect(evaluatesTo(sharedQuery, [], undefined)).toBe(true);
    });

    it("is the pool's share by its own rate where pools share a model", () => {
      expect(signalOf(busy, SHARE)).toBeCloseTo((1_234.5 * SHARE) / RATE, 9);
      expect(evaluatesTo(sharedQuery, gateway("a", busy), signalOf(busy, SHARE))).toBe(true);
    });

    it("shows when it is another: one that adds the gateways up", () => {
      const both = [...gateway("a", busy), ...gateway("b", busy)];
      expect(evaluatesTo(query.replace("max(farm_backlog", "sum(farm_backlog"), both, signalOf(busy))).toBe(
        false,
      );
    });
  },
);
