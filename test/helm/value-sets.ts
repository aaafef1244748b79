import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { CHART, type Values } from "./render-chart.js";
import { asRecord } from "./tree.js";

/** Values with a name for messages. */
export interface ValueSet extends Values {
  readonly name: string;
}

/** The value sets that the chart ships for its tests. */
export const CI_SETS: readonly ValueSet[] = readdirSync(path.join(CHART, "ci"))
  .filter((file) => file.endsWith("-values.yaml"))
  .sort()
  .map((file) => ({ name: file.replace("-values.yaml", ""), files: [path.join(CHART, "ci", file)] }));

/** A shipped value set with others over it. */
export function withValues(name: string, set: Readonly<Record<string, unknown>>): ValueSet {
  const base = CI_SETS.find((one) => one.name === name);
  if (base === undefined) throw new Error(`Cannot find the value set ${name}: it is not in ci/`);
  const told = Object.entries(set).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return { ...base, name: [name, ...told].join(" "), set };
}

/** The paths of every switch among the chart's values. */
export function switchPaths(): readonly string[] {
  return booleansBelow(parse(readFileSync(path.join(CHART, "values.yaml"), "utf8")), "");
}

function booleansBelow(value: unknown, at: string): readonly string[] {
  if (typeof value === "boolean") return [at];
  return Object.entries(asRecord(value)).flatMap(([key, item]) =>
    booleansBelow(item, at === "" ? key : `${at}.${key}`),
  );
}

/**
 * Rows of switches in which every two of them stand in all four ways: all off, all on, and for each bit of a switch's
 * number one row of that bit and one of its contrary. 30 switches take 12 rows.
 */
export function pairwiseRows(count: number): readonly (readonly boolean[])[] {
  const bits = Math.ceil(Math.log2(Math.max(count, 2)));
  const row = (of: (index: number) => boolean) => Array.from({ length: count }, (_, index) => of(index));
  const rows = Array.from({ length: bits }, (_, bit) => row((index) => ((index >> bit) & 1) === 1));
  return [row(() => false), row(() => true), ...rows, ...rows.map((one) => one.map((on) => !on))];
}

/** Each switch alone turned over, on the values with everything on and on those with the least. */
export function singleFlips(): readonly ValueSet[] {
  return switchPaths().flatMap((at) => [
    withValues("production", { [at]: false }),
    withValues("minimal", { [at]: true }),
  ]);
}

/** Every two switches in all ways, on the values with everything on. */
export function pairwiseSets(): readonly ValueSet[] {
  const paths = switchPaths();
  return pairwiseRows(paths.length).map((row, index) => {
    const set = Object.fromEntries(paths.map((at, column) => [at, row[column]]));
    return { ...withValues("production", set), name: `pairwise ${index}` };
  });
}

const POOL = "workers.defaults";

/** Names that helm takes for a release, and that are no names of Services. */
const RELEASES = ["my.farm", "1farm", "123", "9.latentfarm", "a".repeat(53), `1.${"a".repeat(51)}`] as const;
/** The longest name that the schema takes for a pool. */
const POOL_LONGEST = "p".repeat(19);

/** Choices that are no switches, each on values that go with it. */
export const CHOICES: readonly ValueSet[] = [
  withValues("minimal", { "store.kind": "disk", "store.s3.bucket": "" }),
  withValues("minimal", {
    "store.kind": "disk",
    "store.s3.bucket": "",
    "store.disk.existingClaim": "pictures",
  }),
  withValues("minimal", { "store.s3.existingSecret": "s3-key", "modelStore.existingSecret": "models-key" }),
  withValues("minimal", { "store.s3.endpoint": "http://s3.storage:9000", "store.s3.pathStyle": true }),
  withValues("minimal", { "redis.url": "redis://redis.data:6379" }),
  withValues("minimal", { [`${POOL}.modelCache.type`]: "hostPath" }),
  withValues("minimal", { [`${POOL}.modelCache.type`]: "hostPath", [`${POOL}.modelCache.evict`]: true }),
  withValues("minimal", { [`${POOL}.modelCache.type`]: "claim" }),
  withValues("minimal", {
    [`${POOL}.modelCache.type`]: "claim",
    [`${POOL}.modelCache.claim.existingClaim`]: "models",
  }),
  withValues("minimal", { [`${POOL}.gpu.count`]: 0 }),
  withValues("minimal", { [`${POOL}.drainSeconds`]: 90, [`${POOL}.preStopSeconds`]: 30 }),
  withValues("minimal", { [`${POOL}.drainSeconds`]: 0 }),
  withValues("minimal", { "gateway.lameDuckSeconds": 0 }),
  withValues("minimal", { "gateway.lameDuckSeconds": 60 }),
  withValues("minimal", { "gateway.service.type": "LoadBalancer" }),
  withValues("minimal", { nameOverride: "pictures" }),
  withValues("minimal", {
    fullnameOverride: "a-name-of-as-many-letters-as-may-be",
  }),
  ...RELEASES.flatMap((release) =>
    ["trial", "production"].map((name) => ({
      ...withValues(name, { [`workers.pools.${POOL_LONGEST}`]: { scaling: { enabled: false } } }),
      name: `${name} as ${release}`,
      release,
    })),
  ),
  withValues("minimal", { "workers.pools": {} }),
  withValues("production", { "workers.pools.l4.spot": "" }),
  withValues("minimal", {
    "prometheus.serverAddress": "http://p:9090",
    [`${POOL}.scaling.enabled`]: true,
    [`${POOL}.scaling.minReplicas`]: 0,
  }),
];
