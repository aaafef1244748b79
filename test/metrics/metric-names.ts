import { LIBRARY_METRICS, METRICS } from "@latentfarm/telemetry";
import { PRICE_DEFAULT, PRICE_VARIABLE, WINDOW } from "./dashboards/panel.js";

/** What Prometheus itself tells of a target. */
const PROMETHEUS_METRICS: readonly string[] = ["up"];

/** The metrics that an expression or a file names: words with one of the prefixes, and `up`. */
export function metricsNamedIn(text: string): string[] {
  const names = text.match(/\b(?:(?:farm|process|nodejs)_[a-z0-9_]+|up(?=[{ ]))/g) ?? [];
  return [...new Set(names)].sort();
}

/** Whether a metric, or a part of a histogram, stands in the table. */
export function isKnownMetric(name: string): boolean {
  const known = { ...METRICS, ...LIBRARY_METRICS };
  const whole = name.replace(/_(bucket|sum|count)$/, "");
  if (PROMETHEUS_METRICS.includes(name) || Object.hasOwn(known, name)) return true;
  const isHistogram = Object.entries(METRICS).some(
    ([own, { type }]) => own === whole && type === "histogram",
  );
  return isHistogram && whole !== name;
}

/** A panel's expression with Grafana's variables filled in. */
export function fillVariables(expr: string, window: string): string {
  return expr.replaceAll(WINDOW, window).replaceAll(`$${PRICE_VARIABLE}`, PRICE_DEFAULT);
}

/**
 * An alert's expression with every comparison told as 0 or 1 instead of left out when it is false: it has data exactly
 * when both sides of each comparison have.
 */
export function tellComparisons(expr: string): string {
  return expr.replaceAll(/ (==|!=|>=|<=|>|<) (?!bool )/g, " $1 bool ");
}
