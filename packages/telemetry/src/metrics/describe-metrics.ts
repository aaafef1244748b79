import type { LabelValues } from "./label-sets.js";
import { METRIC_PROCESSES, type MetricProcess, type MetricSpec } from "./metric-spec.js";
import { LIBRARY_METRICS, METRICS } from "./metric-table.js";

/** Values of a label that are listed in full; of a longer list the reader is told where it stands. */
const VALUES_SHOWN_MAX = 16;

const HEAD = `# Metrics

Written from the table in \`packages/telemetry/src/metrics\` by \`node test/dist/metrics/make-docs.js\`; a test holds it up to date.

Every process exports in Prometheus' text form: the gateway at \`/metrics\` on its own port, worker and courier on
\`FARM_METRICS_PORT\`. \`./farm up\` gives each a port and says where; \`./farm up --observe\` starts a Prometheus that scrapes them.

**Farm-wide** numbers are kept in Redis and told by every gateway alike: take \`max\`, never \`sum\`. **Per-process** numbers are
the process's own: take \`sum\`, over \`rate\` for a counter or histogram.

Labels come from closed sets. A value that is not in its set, or comes after the last that is told apart, is told as
\`other\`. Tenants are told by class, \`default\` or \`keyed\`, and never by name: names would make a series of each customer and put
them into the monitoring system; \`GET /v1/admin/tenants\` tells tenants one by one.
`;

/** The text of docs/metrics.md. */
export function describeMetrics(): string {
  const library = Object.entries(LIBRARY_METRICS).map(([name, help]) => `| \`${name}\` | ${help} |`);
  return [
    HEAD,
    ...section("Farm-wide, from every gateway", (spec) => spec.scope === "farm"),
    ...METRIC_PROCESSES.flatMap((process) => section(`Of each ${process}`, (spec) => isOnly(spec, process))),
    ...section("Of several processes", ({ scope, processes }) => scope === "process" && processes.length > 1),
    "## Of the library",
    "",
    "prom-client adds numbers of process and event loop to each; the farm's dashboards use these.",
    "",
    "| name | what |",
    "| --- | --- |",
    ...library,
    "",
  ].join("\n");
}

function isOnly({ scope, processes }: MetricSpec, process: MetricProcess): boolean {
  return scope === "process" && processes.length === 1 && processes[0] === process;
}

function section(title: string, belongs: (spec: MetricSpec) => boolean): string[] {
  const rows = Object.entries<MetricSpec>(METRICS).filter(([, spec]) => belongs(spec));
  return [
    `## ${title}`,
    "",
    "| name | type | what | labels | from |",
    "| --- | --- | --- | --- | --- |",
    ...rows.map(
      ([name, { type, help, labels, processes }]) =>
        `| \`${name}\` | ${type} | ${help} | ${describeLabels(labels)} | ${processes.join(", ")} |`,
    ),
    "",
  ];
}

function describeLabels(labels: MetricSpec["labels"]): string {
  const told = Object.entries<LabelValues>(labels).map(([label, values]) => {
    if ("countMax" in values) return `\`${label}\`: ${values.what}, at most ${values.countMax}`;
    if (values.length > VALUES_SHOWN_MAX)
      return `\`${label}\`: the contract's closed list of ${values.length}`;
    return `\`${label}\`: ${values.join(", ")}`;
  });
  return told.length === 0 ? "none" : told.join("; ");
}
