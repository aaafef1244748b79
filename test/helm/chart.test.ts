import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { checkConformance } from "./conformance.js";
import { parseManifests } from "./manifest.js";
import { findChartTool, lintChart, renderChart, renderText, valuesGiven } from "./render-chart.js";
import { NETWORK_RULES } from "./rules/network.js";
import { NO_NODE_FOLDERS } from "./rules/pod-security.js";
import { amountOf } from "./rules/resources.js";
import { judge, toFarm } from "./rules/rule.js";
import { RULES } from "./rules/rules.js";
import { dig, digStrings } from "./tree.js";
import {
  CHOICES,
  CI_SETS,
  pairwiseRows,
  pairwiseSets,
  singleFlips,
  switchPaths,
  type ValueSet,
  withValues,
} from "./value-sets.js";

const isSkipped = findChartTool("helm") === undefined || findChartTool("kubeconform") === undefined;
/** Some hundred renderings of 0.2 s each, on two busy cores. */
const MATRIX_MS_MAX = 300_000;
const VERSION: string = JSON.parse(readFileSync(path.join(REPOSITORY_ROOT, "package.json"), "utf8")).version;

const MATRIX: readonly ValueSet[] = [...CI_SETS, ...CHOICES, ...singleFlips(), ...pairwiseSets()];

/** The switches by which an operator chooses against a rule. */
const WAIVERS: Readonly<Record<string, readonly string[]>> = {
  // For a cluster that lets nobody install objects of the whole cluster.
  "an admission policy narrows what a role allows on pods": ["workers.podDeletionCost.admissionPolicy"],
  "a workload of several pods that serve has a disruption budget": [
    "gateway.pdb.enabled",
    "courier.pdb.enabled",
    "workers.defaults.pdb.enabled",
  ],
};

/** What the rules find in what values render. */
function judgeSet(set: ValueSet, text: string): readonly string[] {
  const farm = toFarm(parseManifests(text), valuesGiven(set), VERSION);
  const isClosed = farm.manifests.some(({ kind }) => kind === "NetworkPolicy");
  const isWaived = (rule: string) => WAIVERS[rule]?.some((at) => set.set?.[at] === false) === true;
  const rules = RULES.filter(({ name }) => !isWaived(name));
  return judge([...rules, ...(isClosed ? NETWORK_RULES : [])], farm);
}

describe("pairwiseRows()", () => {
  it.each([2, 3, 8, 9, 31, 32])("has every two of %d switches in all four ways", (count) => {
    const rows = pairwiseRows(count);
    for (let a = 0; a < count; a += 1)
      for (let b = a + 1; b < count; b += 1)
        expect(new Set(rows.map((row) => `${row[a]} ${row[b]}`)).size, `${a} ${b}`).toBe(4);
  });
});

describe.skipIf(isSkipped)("helm/latentfarm", () => {
  it.each(CI_SETS)("lints without a warning: $name", (set) => {
    expect(lintChart(set)).toEqual({ ok: true, stdout: "", stderr: "" });
  });

  it.each(CI_SETS)("renders the same twice: $name", (set) => {
    expect(renderText(set).stdout).toBe(renderText(set).stdout);
  });

  it.each(CI_SETS)("has what $name asks for", (set) => {
    const kinds = new Set(renderChart(set).map(({ kind }) => kind));
    expect([...kinds]).toEqual(
      expect.arrayContaining(["Deployment", "Service", "NetworkPolicy", "ServiceAccount"]),
    );
  });

  it("has every kind of object in one of its value sets", () => {
    const kinds = new Set(CI_SETS.flatMap((set) => renderChart(set).map(({ kind }) => kind)));
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        ...[
          "HorizontalPodAutoscaler",
          "PodDisruptionBudget",
          "Ingress",
          "HTTPRoute",
          "ServiceMonitor",
          "PodMonitor",
        ],
        ...[
          "ScaledObject",
          "StatefulSet",
          "PrometheusRule",
          "ConfigMap",
          "Role",
          "ValidatingAdmissionPolicy",
        ],
      ]),
    );
  });

  it("names a label once that is both of all objects and of those that an operator finds", () => {
    const labels = { "commonLabels.release": "all", "monitoring.labels.release": "found" };
    const set = withValues("production", { ...labels, "monitoring.dashboards.labels.release": "shown" });
    const told = new Map(
      renderChart(set).map(({ kind, body }) => [kind, digStrings(body, "metadata.labels").release]),
    );
    expect([...told]).toEqual(
      expect.arrayContaining([
        ["Service", "all"],
        ["ServiceMonitor", "found"],
        ["PodMonitor", "found"],
        ["PrometheusRule", "found"],
        ["ConfigMap", "shown"],
      ]),
    );
  });

  it("refuses a cluster that is too old", () => {
    const [set] = CI_SETS;
    const { ok, stderr } = renderText({ ...set, kubeVersion: "1.29.9" });
    expect({ ok, stderr }).toEqual({ ok: false, stderr: expect.stringContaining("requires kubeVersion") });
  });

  it("keeps folders of nodes out of the values that Pod Security's restricted profile must admit", () => {
    for (const set of CI_SETS.filter(({ name }) => name !== "production"))
      expect(NO_NODE_FOLDERS.check(toFarm(renderChart(set), [], VERSION)), set.name).toEqual([]);
  });
});

describe.skipIf(isSkipped)("a pod that fetches a model into a cache of its own", () => {
  it.each<readonly [values: Readonly<Record<string, unknown>>, bytes: number]>([
    [{}, 44 * 2 ** 30],
    [{ "workers.defaults.resources.requests.ephemeral-storage": "1.5G" }, 40 * 2 ** 30 + 1.5e9],
    [{ "workers.defaults.resources.requests.ephemeral-storage": 5_000_000_000 }, 40 * 2 ** 30 + 5e9],
    [{ "workers.defaults.resources.requests.ephemeral-storage": null }, 40 * 2 ** 30],
    [{ "workers.defaults.modelCache.emptyDir.sizeLimit": "1T" }, 1e12 + 4 * 2 ** 30],
    [{ "workers.defaults.modelCache.resources.requests.ephemeral-storage": "50Gi" }, 50 * 2 ** 30],
  ])("asks for the disk of the cache beside what its worker writes: %j", (values, bytes) => {
    const { workloads } = toFarm(renderChart(withValues("minimal", values)), [], VERSION);
    const fetcher = workloads
      .flatMap(({ containers }) => containers)
      .find(({ name }) => name === "fetch-model");
    expect(amountOf(dig(fetcher?.body, "resources.requests.ephemeral-storage"))).toBe(bytes);
  });
});

describe.skipIf(isSkipped)("the matrix of values", () => {
  const rendered = isSkipped ? [] : MATRIX.map((set) => ({ set, answer: renderText(set) }));
  const good = rendered.filter(({ answer }) => answer.ok);

  it("turns every switch of the chart", () => {
    expect(switchPaths().length).toBeGreaterThan(20);
    expect(rendered.length).toBeGreaterThan(60);
  });

  it("renders, or is refused with a sentence that says why", () => {
    const broken = rendered
      .filter(
        ({ answer }) =>
          !answer.ok && !/Cannot render the chart as its values are wrong:\n {2}- /.test(answer.stderr),
      )
      .map(({ set, answer }) => `${set.name}: ${answer.stderr}`);
    expect(broken).toEqual([]);
    const refused = rendered
      .filter(({ answer }) => !answer.ok)
      .map(({ set, answer }) => `${set.name}: ${answer.stderr}`);
    expect(refused.length, refused.join("\n")).toBeLessThan(rendered.length / 4);
  });

  it(
    "holds against the schemas of Kubernetes and of the custom resources",
    () => {
      const { checked, problems } = checkConformance(good.map(({ answer }) => answer.stdout));
      expect([...new Set(problems)]).toEqual([]);
      expect(checked).toBeGreaterThan(1_000);
    },
    MATRIX_MS_MAX,
  );

  it(
    "breaks no rule",
    () => {
      const found = good.flatMap(({ set, answer }) =>
        judgeSet(set, answer.stdout).map((finding) => ({ finding, name: set.name })),
      );
      const lines = [...new Set(found.map(({ finding }) => finding))].map((finding) => {
        const names = found.filter((one) => one.finding === finding).map(({ name }) => name);
        return `${finding} (${names.length} times, first with ${names[0]})`;
      });
      expect(lines).toEqual([]);
    },
    MATRIX_MS_MAX,
  );
});
