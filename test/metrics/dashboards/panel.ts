/** One line or group of lines of a panel. */
export interface PanelQuery {
  /** PromQL; the names in it stand in the table of metrics. */
  readonly expr: string;
  /** In Grafana's form, such as `{{model}}`. */
  readonly legend: string;
}

/** One panel, before it is Grafana's. */
export interface PanelPlan {
  readonly title: string;
  /** What it says and what to do about it, in a sentence. */
  readonly description: string;
  /** In Grafana's words: `s`, `percentunit`, `bytes`, `short`. */
  readonly unit: string;
  readonly queries: readonly PanelQuery[];
}

/** A row of panels under a heading. */
export interface RowPlan {
  readonly title: string;
  readonly panels: readonly PanelPlan[];
}

/** One dashboard, before it is Grafana's. */
export interface DashboardPlan {
  /** Names its file and its address in Grafana. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** Asks for the hourly price of a GPU at its top. */
  readonly hasPrice: boolean;
  readonly rows: readonly RowPlan[];
}

/** The variable that holds the hourly price of one worker's GPU, in whatever currency. */
export const PRICE_VARIABLE = "gpu_hour_price";

/** The price until somebody types their own: an L4 on demand, in US dollars. */
export const PRICE_DEFAULT = "0.80";

/** The window of a rate, in Grafana's variable: four scrapes at least. */
export const WINDOW = "$__rate_interval";

/** Makes a panel of one query. */
export function panel(
  head: Pick<PanelPlan, "title" | "description" | "unit">,
  ...queries: readonly (readonly [expr: string, legend: string])[]
): PanelPlan {
  return { ...head, queries: queries.map(([expr, legend]) => ({ expr, legend })) };
}

/** The rate of a counter of the whole farm, which every gateway tells alike. */
export function farmRate(counter: string): string {
  return `max(rate(${counter}[${WINDOW}]))`;
}

/** The rate of a counter of processes, by some of its labels. */
export function sumRate(counter: string, by = ""): string {
  return `sum${by === "" ? "" : ` by (${by})`} (rate(${counter}[${WINDOW}]))`;
}

/** The 50th, 95th and 99th percentile of a histogram of processes. */
export function quantiles(histogram: string, matchers = ""): [expr: string, legend: string][] {
  return (["0.5", "0.95", "0.99"] as const).map((quantile) => [
    `histogram_quantile(${quantile}, sum by (le) (rate(${histogram}_bucket${matchers}[${WINDOW}])))`,
    `p${Number(quantile) * 100}`,
  ]);
}

/** The mean of a histogram of processes. */
export function mean(histogram: string): string {
  return `${sumRate(`${histogram}_sum`)} / ${sumRate(`${histogram}_count`)}`;
}
