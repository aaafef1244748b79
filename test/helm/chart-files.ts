import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { CHART, findChartTool } from "./render-chart.js";
import { asRecord, digText } from "./tree.js";

/** helm-docs reads one chart; two cores may be busy. */
const DOCS_MS_MAX = 30_000;

/** A file that the chart has a copy of: helm reads nothing outside of a chart's folder. */
export interface ChartCopy {
  readonly source: string;
  readonly copy: string;
}

/** Every file of the repository that the chart installs as it is. */
export function chartCopies(): readonly ChartCopy[] {
  const infra = path.join(REPOSITORY_ROOT, "infra");
  const dashboards = readdirSync(path.join(infra, "grafana")).filter((name) => name.endsWith(".json"));
  return [
    { source: path.join(infra, "prometheus", "rules.yml"), copy: path.join(CHART, "files", "rules.yml") },
    ...dashboards.map((name) => ({
      source: path.join(infra, "grafana", name),
      copy: path.join(CHART, "files", "dashboards", name),
    })),
  ];
}

/** Where the README of the chart lies. */
export const CHART_README: string = path.join(CHART, "README.md");

/**
 * The README as helm-docs writes it from its template and the comments of values.yaml; undefined where helm-docs is not
 * built.
 * @throws {Error} helm-docs fails
 */
export function chartReadme(): string | undefined {
  const program = findChartTool("helm-docs");
  if (program === undefined) return undefined;
  const { status, stdout, stderr } = spawnSync(program, ["--dry-run", "--chart-search-root", CHART], {
    encoding: "utf8",
    timeout: DOCS_MS_MAX,
  });
  if (status !== 0) throw new Error(`Cannot write the chart's README: ${stderr.trim()}`);
  return `${stdout.trim()}\n`;
}

/** The paths of all values, those of lists and of empty maps included; a map's fields are named, not the map. */
export function valuePaths(values: unknown, at = ""): readonly string[] {
  const fields = Object.entries(asRecord(values));
  if (fields.length === 0) return [at];
  return fields.flatMap(([name, value]) => valuePaths(value, at === "" ? name : `${at}.${name}`));
}

/** What a schema says of the value at a path, references followed; undefined for a path that it refuses. */
export function schemaAt(schema: unknown, at: string): unknown {
  const follow = (node: unknown): unknown => {
    const name = /^#\/definitions\/(.+)$/.exec(digText(node, "$ref"))?.[1];
    return name === undefined ? node : follow(asRecord(asRecord(schema).definitions)[name]);
  };
  return at.split(".").reduce<unknown>((node, name) => {
    const { properties, additionalProperties } = asRecord(follow(node));
    return (
      asRecord(properties)[name] ??
      (typeof additionalProperties === "object" ? additionalProperties : undefined)
    );
  }, schema);
}

/** The paths of all values that a schema names, as `valuePaths` writes them. */
export function schemaPaths(schema: unknown, at = ""): readonly string[] {
  const node = at === "" ? schema : schemaAt(schema, at);
  const name = /^#\/definitions\/(.+)$/.exec(digText(node, "$ref"))?.[1];
  const body = name === undefined ? node : asRecord(asRecord(schema).definitions)[name];
  const fields = Object.keys(asRecord(asRecord(body).properties));
  if (fields.length === 0) return [at];
  return fields.flatMap((field) => schemaPaths(schema, at === "" ? field : `${at}.${field}`));
}

/** The objects of a schema that let a misspelt name through: neither closed nor maps by the values' own names. */
export function openObjects(node: unknown, at = "#"): readonly string[] {
  if (Array.isArray(node)) return node.flatMap((item, index) => openObjects(item, `${at}/${index}`));
  const body = asRecord(node);
  const isOpen =
    body.type === "object" && body.properties !== undefined && body.additionalProperties !== false;
  const below = Object.entries(body).flatMap(([name, value]) => openObjects(value, `${at}/${name}`));
  return isOpen ? [at, ...below] : below;
}

/** The text of a file of the chart. */
export function readChart(...parts: string[]): string {
  return readFileSync(path.join(CHART, ...parts), "utf8");
}
