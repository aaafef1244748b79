import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { type Manifest, parseManifests } from "./manifest.js";

/** A chart of some hundred objects renders within a second; two cores may be busy. */
const RENDER_MS_MAX = 60_000;
/** Bytes of what helm prints: some hundred manifests. */
const OUTPUT_BYTES_MAX = 32 * 1024 * 1024;

/** The chart under test. */
export const CHART: string = path.join(REPOSITORY_ROOT, "helm", "latentfarm");

/** The version of the cluster: a helm that Go has built knows none. The schemas are of this version. */
const KUBE_VERSION = "1.35.4";

/** The custom resources of a cluster that has everything the chart can use. */
const API_VERSIONS = ["keda.sh/v1alpha1", "monitoring.coreos.com/v1", "gateway.networking.k8s.io/v1"];

/** What a chart is rendered with. */
export interface Values {
  /** Files of values, later ones over earlier ones. */
  readonly files?: readonly string[];
  /** Values over those of the files, by their paths with dots between. */
  readonly set?: Readonly<Record<string, unknown>>;
  /** The chart's folder; the farm's when absent. */
  readonly chart?: string;
  /** The release's name; `farm` when absent. */
  readonly release?: string;
  /** The cluster's version; that of the schemas when absent. */
  readonly kubeVersion?: string;
}

/** What helm says of a chart. */
export interface HelmAnswer {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A program that `./farm test helm` names or has built before; undefined where there is none. Where every tool is
 * required its absence is an error.
 */
export function findChartTool(program: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = env[`FARM_TEST_${program.toUpperCase().replaceAll("-", "_")}`];
  if (named !== undefined && existsSync(named)) return named;
  const tools = path.join(REPOSITORY_ROOT, ".farm", "tools");
  const folders = existsSync(tools) ? readdirSync(tools) : [];
  const built = folders
    .filter((name) => name.startsWith(`${program}-v`))
    .sort()
    .map((name) => path.join(tools, name, program))
    .findLast((file) => existsSync(file));
  if (built === undefined && env.FARM_TEST_REQUIRED === "1")
    throw new Error(`Cannot test the chart: ${program} is not built; ./farm test helm builds it`);
  return built;
}

/** Runs helm to its end. */
export function runHelm(args: readonly string[]): HelmAnswer {
  const { status, stdout, stderr } = spawnSync(findChartTool("helm") ?? "helm", args, {
    encoding: "utf8",
    timeout: RENDER_MS_MAX,
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  return { ok: status === 0, stdout, stderr };
}

/** helm's own check of a chart, warnings counted as errors. */
export function lintChart(values: Values = {}): HelmAnswer {
  return runHelm(["lint", "--strict", "--quiet", values.chart ?? CHART, ...flagsOf(values)]);
}

/** What the chart renders in a namespace `farm`, as text. */
export function renderText(values: Values): HelmAnswer {
  const apis = API_VERSIONS.flatMap((version) => ["--api-versions", version]);
  const chart = values.chart ?? CHART;
  return runHelm([
    "template",
    values.release ?? "farm",
    chart,
    "--namespace",
    "farm",
    ...apis,
    ...flagsOf(values),
  ]);
}

/**
 * What the chart renders, read.
 * @throws {Error} helm refuses the values; the message is helm's
 */
export function renderChart(values: Values): readonly Manifest[] {
  const { ok, stdout, stderr } = renderText(values);
  if (!ok) throw new Error(`Cannot render the chart: ${stderr.trim()}`);
  return parseManifests(stdout);
}

/** The values that the chart sees, as far as an operator can see them: its defaults and what stands over them. */
export function valuesGiven(values: Values): readonly unknown[] {
  const files = [path.join(values.chart ?? CHART, "values.yaml"), ...(values.files ?? [])];
  return [...files.map((file): unknown => parse(readFileSync(file, "utf8"))), values.set ?? {}];
}

function flagsOf({ files = [], set = {}, kubeVersion = KUBE_VERSION }: Values): readonly string[] {
  return [
    ...["--kube-version", kubeVersion],
    ...files.flatMap((file) => ["--values", file]),
    ...Object.entries(set).flatMap(([key, value]) => ["--set-json", `${key}=${JSON.stringify(value)}`]),
  ];
}
