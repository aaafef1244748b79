import { COUNTERS, type EtaCalibration, type ModelStats, type Stats } from "@latentfarm/contract";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { COUNTER_TABLE, FARM_TABLE } from "./farm-table.js";
import { MODEL_NAMES } from "./label-sets.js";

/** What a gateway has read from Redis for one scrape. */
export interface FarmNumbers {
  readonly stats: Stats;
  /** Events that no courier has made a delivery of yet. */
  readonly outboxEvents: number;
}

type GaugeName = {
  [Name in keyof typeof FARM_TABLE]: (typeof FARM_TABLE)[Name]["type"] extends "gauge" ? Name : never;
}[keyof typeof FARM_TABLE];

/** What of a model is told; a value that is not known has no series. */
const MODEL_GAUGES: readonly (readonly [name: GaugeName, of: (model: ModelStats) => number | null])[] = [
  ["farm_backlog_seconds", (model) => model.backlog_seconds],
  ["farm_backlog_megapixel_steps", (model) => model.backlog_cost],
  ["farm_rate_megapixel_steps_per_second", (model) => model.rate],
  ["farm_model_frames_queued", (model) => model.frames_queued],
  ["farm_model_frames_running", (model) => model.frames_running],
  ["farm_model_workers", (model) => model.workers],
  ["farm_model_slots", (model) => model.slots],
];

const FARM_GAUGES: readonly (readonly [name: GaugeName, of: (numbers: FarmNumbers) => number])[] = [
  ["farm_frames_queued", ({ stats }) => stats.frames_queued],
  ["farm_frames_running", ({ stats }) => stats.frames_running],
  ["farm_workers", ({ stats }) => stats.workers],
  ["farm_outbox_events", ({ outboxEvents }) => outboxEvents],
];

/**
 * The farm's numbers in Prometheus' text form. They are the whole farm's, kept in Redis, so every gateway tells the
 * same: a query must take one of them (`max`), not their sum. Nothing of a tenant is told, and of models only as many as
 * the label may have.
 * Source: prometheus.io, "Exposition formats".
 */
export async function renderFarmMetrics(numbers: FarmNumbers): Promise<string> {
  const { stats } = numbers;
  const registry = new Registry();
  const registers = [registry];
  for (const [name, of] of FARM_GAUGES) {
    new Gauge({ name, help: FARM_TABLE[name].help, registers }).set(of(numbers));
  }
  for (const [name, of] of MODEL_GAUGES) {
    const gauge = new Gauge({ name, help: FARM_TABLE[name].help, registers, labelNames: ["model"] });
    for (const model of stats.models.slice(0, MODEL_NAMES.countMax)) {
      const value = of(model);
      if (value !== null) gauge.set({ model: model.name }, value);
    }
  }
  for (const counted of COUNTERS) {
    const name = `farm_${counted}_total` as const;
    new Counter({ name, help: COUNTER_TABLE[name].help, registers }).inc(stats.counters[counted]);
  }
  await addCalibration(registry, stats.eta);
  return registry.metrics();
}

async function addCalibration(registry: Registry, eta: EtaCalibration): Promise<void> {
  const { farm_eta_within_band_total: within, farm_eta_ratio: ratio } = FARM_TABLE;
  const registers = [registry];
  new Counter({ name: "farm_eta_within_band_total", help: within.help, registers }).inc(eta.within_band);
  const name = "farm_eta_ratio";
  const histogram = new Histogram({ name, help: ratio.help, registers: [] });
  // The counts were made elsewhere, and a histogram of the library only counts what it is shown one by one.
  const counted = { ...(await histogram.get()), values: ratioSeries(name, eta) };
  registry.registerMetric(Object.assign(histogram, { getForPromString: async () => counted }));
}

/** Each bucket holds those before it, as Prometheus has them. The sum is not known and left out. */
function ratioSeries(name: string, { jobs, ratio_buckets: buckets }: EtaCalibration) {
  const bounds = Object.keys(buckets)
    .filter((bound) => Number.isFinite(Number(bound)))
    .sort((a, b) => Number(a) - Number(b));
  let below = 0;
  const series = bounds.map((bound) => {
    below += buckets[bound] ?? 0;
    return { metricName: `${name}_bucket`, labels: { le: bound }, value: below };
  });
  return [
    ...series,
    { metricName: `${name}_bucket`, labels: { le: "+Inf" }, value: jobs },
    { metricName: `${name}_count`, labels: {}, value: jobs },
  ];
}
