import path from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { checkConformance } from "./conformance.js";
import { findChartTool, lintChart, renderChart, renderText } from "./render-chart.js";

const FIXTURE = path.join(REPOSITORY_ROOT, "test", "helm", "fixture");
const isSkipped = findChartTool("helm") === undefined || findChartTool("kubeconform") === undefined;

/** The fixture with a fault planted by its values. */
const planted = (fault: string) =>
  checkConformance([renderText({ chart: FIXTURE, set: { [`plant.${fault}`]: true } }).stdout]).problems;

/** One object of a custom or core kind, held against its schema. */
const problemsOf = (body: unknown) => checkConformance([stringify(body)]).problems;

describe.skipIf(isSkipped)("checkConformance()", () => {
  it("takes a chart as it should be, every object of it", () => {
    const { checked, problems } = checkConformance([renderText({ chart: FIXTURE }).stdout]);
    expect(problems).toEqual([]);
    expect(checked).toBe(renderChart({ chart: FIXTURE }).length);
  });

  it("finds a field that Kubernetes does not know, and says where", () => {
    expect(planted("unknownField")).toEqual([
      expect.stringMatching(
        /^Deployment\/farm-gateway: at '\/spec': additional properties 'replica' not allowed/,
      ),
    ]);
  });

  it("finds a value of the wrong type, and says where", () => {
    expect(planted("wrongType")).toEqual([
      expect.stringMatching(/^Deployment\/farm-gateway: at '\/spec\/minReadySeconds'.*want integer/),
    ]);
  });

  it("finds an unknown field deep in a pod, and in custom resources", () => {
    const pod = {
      containers: [{ name: "a", image: "b", readinessProbe: { httpGet: { port: "x", url: "/" } } }],
    };
    expect(
      problemsOf({ apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec: pod }).join(),
    ).toContain("'url'");
    const scaled = {
      scaleTargetRef: { name: "a" },
      triggers: [{ type: "prometheus", metadata: {} }],
      cooldown: 5,
    };
    const keda = { apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", metadata: { name: "a" } };
    expect(problemsOf({ ...keda, spec: scaled }).join()).toContain("'cooldown'");
    const monitor = {
      apiVersion: "monitoring.coreos.com/v1",
      kind: "ServiceMonitor",
      metadata: { name: "a" },
    };
    expect(
      problemsOf({ ...monitor, spec: { selector: {}, endpoints: [{ prot: "http" }] } }).join(),
    ).toContain("'prot'");
    const route = { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata: { name: "a" } };
    expect(problemsOf({ ...route, spec: { hostname: "a" } }).join()).toContain("'hostname'");
  });

  it("takes numbers and strings for amounts and ports", () => {
    const pod = (port: unknown, cpu: unknown) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "a" },
      spec: {
        containers: [{ name: "a", resources: { limits: { cpu } }, livenessProbe: { tcpSocket: { port } } }],
      },
    });
    for (const [port, cpu] of [
      [80, 1],
      ["http", "250m"],
    ])
      expect(problemsOf(pod(port, cpu))).toEqual([]);
    expect(problemsOf(pod(true, 1))).toHaveLength(1);
  });

  it("refuses a kind that it has no schema of", () => {
    const problems = problemsOf({ apiVersion: "v1", kind: "Pot", metadata: { name: "a" } });
    expect(problems.join()).toContain("could not find schema for Pot");
  });
});

describe.skipIf(isSkipped)("runHelm()", () => {
  it("lintChart() passes the fixture and refuses values that its schema does not know", () => {
    expect(lintChart({ chart: FIXTURE })).toMatchObject({ ok: true });
    const { ok, stdout, stderr } = lintChart({ chart: FIXTURE, set: { plant: { random: "yes" } } });
    expect(ok).toBe(false);
    expect(stdout + stderr).toContain("random");
  });

  it("renderText() shows a chart that draws lots", () => {
    const twice = (random: boolean) =>
      [1, 2].map(() => renderText({ chart: FIXTURE, set: { "plant.random": random } }).stdout);
    expect(new Set(twice(false)).size).toBe(1);
    expect(new Set(twice(true)).size).toBe(2);
  });

  it("renderChart() refuses a key that stands twice", () => {
    expect(() => renderChart({ chart: FIXTURE, set: { "plant.twice": true } })).toThrow(
      /already|unique|twice|duplicate/i,
    );
  });

  it("renderChart() tells which template an object is of", () => {
    const templates = new Set(renderChart({ chart: FIXTURE }).map(({ template }) => template));
    expect([...templates].sort()).toEqual(
      ["fixture/templates/gc.yaml", "fixture/templates/gateway.yaml", "fixture/templates/worker.yaml"].sort(),
    );
  });
});
