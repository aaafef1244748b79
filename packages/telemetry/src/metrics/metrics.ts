import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { LABEL_OTHER, type LabelValues } from "./label-sets.js";
import type { MetricProcess, MetricSpec } from "./metric-spec.js";
import { type LabelsOf, METRICS, type MetricName, type NameOf } from "./metric-table.js";

/** The media type of {@link Metrics.text}. */
export const METRICS_CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** What a process counts and tells. */
export interface Metrics {
  /** Adds to a counter; 1 by default. */
  count<Name extends NameOf<"counter">>(name: Name, labels: LabelsOf<Name>, by?: number): void;
  /** Takes the value of a gauge. */
  set<Name extends NameOf<"gauge">>(name: Name, labels: LabelsOf<Name>, value: number): void;
  /** Forgets every series of a gauge whose values are no longer known. */
  forget(name: NameOf<"gauge">): void;
  /** Puts a value into its bucket. */
  observe<Name extends NameOf<"histogram">>(name: Name, labels: LabelsOf<Name>, value: number): void;
  /** Has `look` called before each scrape, to set what is only worth knowing then. It must not throw. */
  onScrape(look: () => void | Promise<void>): void;
  /** Every number, in Prometheus' text form. Source: prometheus.io, "Exposition formats". */
  text(): Promise<string>;
}

/** Series that a counter with only closed labels begins with at 0; one with more combinations than this begins without. */
const ZERO_COUNTERS_MAX = 64;

/** As {@link ZERO_COUNTERS_MAX}, of a histogram, each of whose series is one a bucket. */
const ZERO_HISTOGRAMS_MAX = 16;

type Series = Counter | Gauge | Histogram;

/**
 * Makes the registry of a process: the metrics that the table has for it, and the library's own of process and event
 * loop. Labels are held to their sets: a value that is not in its list, or beyond its cap, becomes `other`.
 * @throws {RangeError} by its methods, for a metric that is not this process's
 */
export function createMetrics(process: MetricProcess): Metrics {
  const registry = new Registry();
  const known = new Map<string, { readonly series: Series; readonly fit: FitLabels }>();
  for (const [name, spec] of specsOf(process)) {
    const series = createSeries(registry, name, spec);
    known.set(name, { series, fit: fitLabels(spec.labels) });
    beginAtZero(series, spec);
  }
  collectDefaultMetrics({ register: registry });
  const looks: (() => void | Promise<void>)[] = [];
  const find = (name: MetricName) => {
    const found = known.get(name);
    if (found === undefined)
      throw new RangeError(`Cannot tell ${name}: it is not a metric of the ${process}`);
    return found;
  };
  return {
    count: (name, labels, by = 1) => {
      const { series, fit } = find(name);
      if (series instanceof Counter) series.inc(fit(labels), by);
    },
    set: (name, labels, value) => {
      const { series, fit } = find(name);
      if (series instanceof Gauge) series.set(fit(labels), value);
    },
    forget: (name) => {
      const { series } = find(name);
      // The library resets a gauge without labels to 0, which would be a value.
      if (Object.keys(METRICS[name].labels).length === 0) series.remove();
      else series.reset();
    },
    observe: (name, labels, value) => {
      const { series, fit } = find(name);
      if (series instanceof Histogram) series.observe(fit(labels), value);
    },
    onScrape: (look) => void looks.push(look),
    text: async () => {
      await Promise.all(looks.map((look) => look()));
      return registry.metrics();
    },
  };
}

/** The metrics that a process tells of itself; the farm's are made anew from Redis at each scrape. */
function specsOf(process: MetricProcess): [string, MetricSpec][] {
  return Object.entries<MetricSpec>(METRICS).filter(
    ([, spec]) => spec.scope === "process" && spec.processes.includes(process),
  );
}

function createSeries(registry: Registry, name: string, { type, help, labels, buckets }: MetricSpec): Series {
  const settings = { name, help, labelNames: Object.keys(labels), registers: [registry] };
  if (type === "counter") return new Counter(settings);
  if (type === "gauge") return new Gauge(settings);
  return new Histogram({ ...settings, ...(buckets !== undefined && { buckets: [...buckets] }) });
}

/** What counts is there before its first event: the increase of a series that appears with 1 would be 0. */
function beginAtZero(series: Series, { labels }: MetricSpec): void {
  let combinations: Record<string, string>[] = [{}];
  for (const [label, values] of Object.entries(labels)) {
    if ("countMax" in values) return;
    combinations = combinations.flatMap((one) => values.map((value) => ({ ...one, [label]: value })));
  }
  if (series instanceof Counter && combinations.length <= ZERO_COUNTERS_MAX)
    for (const combination of combinations) series.inc(combination, 0);
  if (series instanceof Histogram && combinations.length <= ZERO_HISTOGRAMS_MAX)
    for (const combination of combinations) series.zero(combination);
}

type FitLabels = (labels: Readonly<Record<string, string>>) => Record<string, string>;

const NO_LABELS: Record<string, string> = Object.freeze({});

/**
 * Holds labels to their sets; the first values that come are those that are told apart, up to the cap. Each set is made
 * once, since there are no more of them than series.
 */
function fitLabels(specs: MetricSpec["labels"]): FitLabels {
  const fits = Object.entries<LabelValues>(specs).map(([label, values]) => {
    if (!("countMax" in values)) {
      const closed = new Set(values);
      return [label, (value: string) => (closed.has(value) ? value : LABEL_OTHER)] as const;
    }
    const met = new Set<string>();
    const fit = (value: string) => {
      if (met.size < values.countMax) met.add(value);
      return met.has(value) ? value : LABEL_OTHER;
    };
    return [label, fit] as const;
  });
  if (fits.length === 0) return () => NO_LABELS;
  const made = new Map<string, Record<string, string>>();
  return (labels) => {
    let key = "";
    for (const [label, fit] of fits) key += `${fit(labels[label] ?? LABEL_OTHER)}\n`;
    const known = made.get(key);
    if (known !== undefined) return known;
    const fitted = Object.fromEntries(fits.map(([label, fit]) => [label, fit(labels[label] ?? LABEL_OTHER)]));
    made.set(key, Object.freeze(fitted));
    return fitted;
  };
}
