import { readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { checkConformance } from "./conformance.js";
import { CHART, findChartTool, lintChart, renderChart, renderText, valuesGiven } from "./render-chart.js";
import { scalerQueries } from "./rules/metrics.js";
import { judge, toFarm } from "./rules/rule.js";
import { RULES } from "./rules/rules.js";

const FOLDER = path.join(CHART, "examples");
const isSkipped = findChartTool("helm") === undefined || findChartTool("kubeconform") === undefined;

describe.skipIf(isSkipped)("examples of values in the README", () => {
  it.each(readdirSync(FOLDER))("%s renders what Kubernetes takes, and breaks no rule", (file) => {
    const values = { files: [path.join(FOLDER, file)] };
    expect(lintChart(values)).toMatchObject({ ok: true });
    expect(checkConformance([renderText(values).stdout]).problems).toEqual([]);
    expect(judge(RULES, toFarm(renderChart(values), valuesGiven(values), "0.1.0"))).toEqual([]);
  });

  it("workers alone go by the gateways of the namespace that is named, or of any where none is", () => {
    const files = [path.join(FOLDER, "workers-values.yaml")];
    const queryOf = (set: Readonly<Record<string, unknown>>) => {
      const [query] = scalerQueries({ manifests: renderChart({ files, set }) });
      return query?.expr ?? "";
    };
    expect(queryOf({ "prometheus.namespace": "pictures" })).toContain(
      '{model="sd35-large",namespace="pictures"}',
    );
    expect(queryOf({ "prometheus.namespace": "" })).toContain('{model="sd35-large"}');
    expect(queryOf({ "prometheus.namespace": "", "gateway.enabled": true })).toContain('namespace="farm"');
  });
});
