import { COUNTERS, type EtaCalibration, type ModelStats, type Stats } from "@latentfarm/contract";
import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** The media type of {@link renderFarmMetrics}. */
export const METRICS_CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** What of a model is told; a value that is not known has no series. */
const MODEL_GAUGES: readonly (readonly [
  name: string,
  help: string,
  of: (model: ModelStats) => number | null,
])[] = [
  ["farm_backlog_seconds", "Seconds of work ahead, running work included", (model) => model.backlog_seconds],
  ["farm_backlog_megapixel_steps", "Work ahead, running work included", (model) => model.backlog_cost],
  ["farm_rate_megapixel_steps_per_second", "Rate of the live workers while busy", (model) => model.rate],
  ["farm_model_frames_queued", "Frames of the model that wait", (model) => model.frames_queued],
  ["farm_model_frames_running", "Frames of the model that are with workers", (model) => model.frames_running],
  ["farm_model_workers", "Live workers of the model", (model) => model.workers],
  ["farm_model_slots", "Frames that the model's workers take at most", (model) => model.slots],
];

const FARM_GAUGES: readonly (readonly [name: string, help: string, of: (stats: Stats) => number])[] = [
  ["farm_frames_queued", "Frames that wait", (stats) => stats.frames_queued],
  ["farm_frames_running", "Frames that are with workers", (stats) => stats.frames_running],
  ["farm_workers", "Live workers", (stats) => stats.workers],
];

/**
 * The farm's numbers in Prometheus' text form. They are the whole farm's, kept in Redis, so every gateway tells the
 * same: a query must take one of them (`max`), not their sum. Nothing of a tenant is told.
 * Source: prometheus.io, "Exposition formats".
 */
export async function renderFarmMetrics(stats: Stats): Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  for (const [name, help, of] of FARM_GAUGES) new Gauge({ name, help, registers }).set(of(stats));
  for (const [name, help, of] of MODEL_GAUGES) {
    const gauge = new Gauge({ name, help, registers, labelNames: ["model"] });
    for (const model of stats.models) {
      const value = of(model);
      if (value !== null) gauge.set({ model: model.name }, value);
    }
  }
  for (const name of COUNTERS) {
    const help = `${name.replaceAll("_", " ")} since the farm's Redis began`;
    new Counter({ name: `farm_${name}_total`, help, registers }).inc(stats.counters[name]);
  }
  await addCalibration(registry, stats.eta);
  return registry.metrics();
}

async function addCalibration(registry: Registry, eta: EtaCalibration): Promise<void> {
  const registers = [registry];
  const help = "Jobs that ended within the predicted band";
  new Counter({ name: "farm_eta_within_band_total", help, registers }).inc(eta.within_band);
  const name = "farm_eta_ratio";
  const histogram = new Histogram({ name, help: "Actual over predicted seconds of jobs", registers: [] });
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
