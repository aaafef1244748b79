import path from "node:path";
import { describe, expect, it } from "vitest";
import { REPOSITORY_ROOT } from "../../harness/index.js";
import { parseManifests } from "../manifest.js";
import { findChartTool, renderChart, valuesGiven } from "../render-chart.js";
import { type Plant, plant } from "./plant.js";
import { NO_NODE_FOLDERS } from "./pod-security.js";
import { amountOf } from "./resources.js";
import { judge, toFarm } from "./rule.js";
import { RULES } from "./rules.js";

const FIXTURE = { chart: path.join(REPOSITORY_ROOT, "test", "helm", "fixture") };
const VERSION = "0.1.0";
const isSkipped = findChartTool("helm") === undefined;

const GATEWAY = "Deployment/farm-gateway";
const WORKER = "Deployment/farm-worker-l4";
const POD = "spec|template|spec";
const CONTAINER = `${POD}|containers|0`;
const SCALER = "ScaledObject/farm-worker-l4";
const TRIGGER = "spec|triggers|0|metadata";
const variable = (name: string, value: string) => [{ name, value }];

/** Faults by the rule that must find them. */
const FAULTS: Readonly<Record<string, readonly Omit<Plant, "rule">[]>> = {
  "containers run as no root": [
    { at: GATEWAY, field: `${POD}|securityContext|runAsNonRoot`, value: undefined },
    { at: GATEWAY, field: `${CONTAINER}|securityContext|runAsNonRoot`, value: false },
    { at: GATEWAY, field: `${CONTAINER}|securityContext|runAsUser`, value: 0 },
  ],
  "containers cannot write to their image": [
    { at: GATEWAY, field: `${CONTAINER}|securityContext|readOnlyRootFilesystem`, value: undefined },
    {
      at: WORKER,
      field: `${POD}|initContainers`,
      value: [{ name: "fetch", image: "a:1", securityContext: {} }],
    },
  ],
  "containers hold no capabilities": [
    { at: GATEWAY, field: `${CONTAINER}|securityContext|capabilities|drop`, value: ["NET_RAW"] },
    { at: GATEWAY, field: `${CONTAINER}|securityContext|capabilities|add`, value: ["SYS_ADMIN"] },
  ],
  "containers have a seccomp profile": [
    { at: GATEWAY, field: `${POD}|securityContext|seccompProfile`, value: undefined },
    { at: GATEWAY, field: `${CONTAINER}|securityContext|seccompProfile`, value: { type: "Unconfined" } },
  ],
  "containers cannot gain privileges": [
    { at: GATEWAY, field: `${CONTAINER}|securityContext|allowPrivilegeEscalation`, value: undefined },
    { at: GATEWAY, field: `${CONTAINER}|securityContext|privileged`, value: true },
  ],
  "pods share nothing of their node": [{ at: WORKER, field: `${POD}|hostNetwork`, value: true }],
  "containers take no port of their node": [
    { at: WORKER, field: `${CONTAINER}|ports|0|hostPort`, value: 9464 },
  ],
  "volumes are of the restricted kinds, but for a folder of the node that the values name": [
    { at: WORKER, field: `${POD}|volumes|1`, value: { name: "tmp", hostPath: { path: "/etc" } } },
    { at: WORKER, field: `${POD}|volumes|1`, value: { name: "tmp", nfs: { server: "a", path: "/" } } },
  ],
  "containers say what they need and may take": [
    { at: GATEWAY, field: `${CONTAINER}|resources|limits|memory`, value: undefined },
    { at: GATEWAY, field: `${CONTAINER}|resources|requests|cpu`, value: "lots" },
  ],
  "containers ask for no more than they may take": [
    { at: GATEWAY, field: `${CONTAINER}|resources|limits|memory`, value: "255Mi" },
  ],
  "devices are limited, and asked for in the same number": [
    { at: WORKER, field: `${CONTAINER}|resources|limits|nvidia.com/gpu`, value: undefined },
    { at: WORKER, field: `${CONTAINER}|resources|limits|nvidia.com/gpu`, value: 2 },
  ],
  "folders that vanish with a pod have a size": [
    { at: WORKER, field: `${POD}|volumes|1|emptyDir`, value: {} },
  ],
  "containers that serve tell whether they live and are ready": [
    { at: WORKER, field: `${CONTAINER}|livenessProbe`, value: undefined },
    { at: WORKER, field: `${CONTAINER}|readinessProbe`, value: undefined },
  ],
  "liveness does not hang on other services": [
    { at: WORKER, field: `${CONTAINER}|livenessProbe|httpGet|path`, value: "/readyz" },
  ],
  "ports are named, once each": [{ at: WORKER, field: `${CONTAINER}|ports|0|name`, value: undefined }],
  "probes ask ports that the container names": [
    { at: WORKER, field: `${CONTAINER}|startupProbe|httpGet|port`, value: "http" },
    { at: WORKER, field: `${CONTAINER}|livenessProbe|httpGet|port`, value: 9464 },
  ],
  "the chart makes no Secret with data in it": [
    { at: "ServiceAccount/farm-gateway", field: "kind", value: "Secret" },
  ],
  "variables that hold secrets take them from Secrets": [
    { at: GATEWAY, field: `${CONTAINER}|env`, value: variable("AWS_SECRET_ACCESS_KEY", "for-tests") },
    { at: GATEWAY, field: `${CONTAINER}|env`, value: variable("REDIS_PASSWORD", "x") },
  ],
  "no text of any object is a secret": [
    { at: GATEWAY, field: `${CONTAINER}|env`, value: variable("FARM_REDIS_URL", "redis://:pass@redis:6379") },
    { at: WORKER, field: `${CONTAINER}|args`, value: [`--key=lf_${"0".repeat(12)}_${"Z".repeat(40)}`] },
  ],
  "objects have the recommended labels": [
    { at: "Service/farm-gateway", field: "metadata|labels|app.kubernetes.io/component", value: undefined },
  ],
  "names and labels are such as Kubernetes takes": [
    { at: "Service/farm-gateway", field: "metadata|name", value: "my.farm-gateway" },
    { at: "Service/farm-gateway", field: "metadata|name", value: "1farm-gateway" },
    { at: WORKER, field: "metadata|name", value: "w".repeat(64) },
    { at: GATEWAY, field: "metadata|labels|app.kubernetes.io/instance", value: 12 },
    { at: GATEWAY, field: "metadata|labels|app.kubernetes.io/instance", value: "a".repeat(64) },
  ],
  "the label of the version is the chart's": [
    { at: GATEWAY, field: "metadata|labels|app.kubernetes.io/version", value: "0.0.9" },
  ],
  "a workload's selector takes its own pods": [
    { at: GATEWAY, field: "spec|selector|matchLabels|app.kubernetes.io/component", value: "getaway" },
  ],
  "no two workloads share a pod": [
    { at: GATEWAY, field: "spec|selector|matchLabels|app.kubernetes.io/component", value: undefined },
    { at: WORKER, field: "spec|template|metadata|labels|app.kubernetes.io/component", value: "gateway" },
  ],
  "every selector takes the pods of a workload": [
    { at: "Service/farm-gateway", field: "spec|selector|app.kubernetes.io/component", value: "api" },
    { at: "PodDisruptionBudget/farm-gateway", field: "spec|selector", value: { matchLabels: { a: "b" } } },
  ],
  "selectors hold what never changes and tells releases apart": [
    { at: GATEWAY, field: "spec|selector|matchLabels|helm.sh/chart", value: "fixture-0.1.0" },
    { at: "Service/farm-gateway", field: "spec|selector|app.kubernetes.io/instance", value: undefined },
  ],
  "no object stands twice": [
    { at: "ServiceAccount/farm-worker", field: "metadata|name", value: "farm-gateway" },
  ],
  "images are pinned: the farm's by its version, others by a version": [
    { at: GATEWAY, field: `${CONTAINER}|image`, value: "latentfarm/gateway" },
    { at: GATEWAY, field: `${CONTAINER}|image`, value: "registry:5000/latentfarm/gateway:0.0.9" },
    { at: GATEWAY, field: `${CONTAINER}|image`, value: "redis:latest" },
    { at: GATEWAY, field: `${CONTAINER}|image`, value: "registry:5000/redis" },
  ],
  "what a reference names is in the chart, or named in the values": [
    { at: GATEWAY, field: `${CONTAINER}|env|2|valueFrom|secretKeyRef|name`, value: "elsewhere" },
    { at: GATEWAY, field: `${POD}|serviceAccountName`, value: "farm-getaway" },
    { at: SCALER, field: "spec|scaleTargetRef|name", value: "farm-worker-a10g" },
    { at: "HorizontalPodAutoscaler/farm-gateway", field: "spec|scaleTargetRef|kind", value: "StatefulSet" },
    { at: "RoleBinding/farm-worker", field: "roleRef|name", value: "farm" },
    { at: WORKER, field: `${POD}|volumes|1`, value: { name: "tmp", configMap: { name: "gone" } } },
    { at: SCALER, field: "spec|triggers|0|authenticationRef", value: { name: "gone" } },
    { at: "ValidatingAdmissionPolicyBinding/farm-worker-own-pod", field: "spec|policyName", value: "gone" },
  ],
  "pods name their own service account": [
    { at: GATEWAY, field: `${POD}|serviceAccountName`, value: undefined },
  ],
  "a service's ports are ports of its pods, by name": [
    { at: "Service/farm-gateway", field: "spec|ports|0|targetPort", value: "web" },
    { at: GATEWAY, field: `${CONTAINER}|ports|0|name`, value: "web" },
  ],
  "a route leads to a port that its service has": [
    {
      at: "Ingress/farm-gateway",
      field: "spec|rules|0|http|paths|0|backend|service|port",
      value: { number: 8080 },
    },
  ],
  "a monitor asks ports that exist": [
    { at: "PodMonitor/farm-worker", field: "spec|podMetricsEndpoints|0|port", value: "http" },
    { at: "ServiceMonitor/farm-gateway", field: "spec|endpoints|0|port", value: "metrics" },
  ],
  "a monitor finds every pod that has metrics": [
    { at: "PodMonitor/farm-worker", field: "spec|selector", value: { matchLabels: { a: "b" } } },
  ],
  "mounts are of volumes that the pod has": [
    { at: WORKER, field: `${CONTAINER}|volumeMounts|1|name`, value: "temp" },
  ],
  "a workload has one scaler at most": [
    { at: SCALER, field: "spec|scaleTargetRef", value: { kind: "Deployment", name: "farm-gateway" } },
  ],
  "a workload with a scaler leaves replicas to it": [
    { at: GATEWAY, field: "spec|replicas", value: 2 },
    { at: WORKER, field: "spec|replicas", value: 0 },
  ],
  "scalers have room between their ends": [
    { at: "HorizontalPodAutoscaler/farm-gateway", field: "spec|minReplicas", value: 11 },
    { at: SCALER, field: "spec|maxReplicaCount", value: undefined },
  ],
  "a scaler on Prometheus says what holds when it tells nothing": [
    { at: SCALER, field: `${TRIGGER}|ignoreNullValues`, value: undefined },
    { at: SCALER, field: "spec|fallback", value: undefined },
  ],
  "pods have time to drain before they are killed": [
    { at: GATEWAY, field: `${POD}|terminationGracePeriodSeconds`, value: 29 },
    { at: GATEWAY, field: `${CONTAINER}|lifecycle|preStop|sleep|seconds`, value: 16 },
    { at: WORKER, field: `${CONTAINER}|env`, value: variable("FARM_DRAIN_SECONDS", "91") },
    { at: WORKER, field: `${POD}|terminationGracePeriodSeconds`, value: undefined },
  ],
  "a disruption budget lets nodes be emptied": [
    { at: "PodDisruptionBudget/farm-gateway", field: "spec|maxUnavailable", value: 0 },
    { at: "PodDisruptionBudget/farm-gateway", field: "spec|minAvailable", value: 2 },
  ],
  "pods get no variables of services": [
    { at: GATEWAY, field: `${POD}|enableServiceLinks`, value: undefined },
    { at: GATEWAY, field: `${POD}|enableServiceLinks`, value: true },
  ],
  "a workload of several pods that serve has a disruption budget": [
    { at: "PodDisruptionBudget/farm-gateway", field: "spec|selector", value: { matchLabels: { a: "b" } } },
  ],
  "pods are spread among their own kind": [
    {
      at: GATEWAY,
      field: `${POD}|topologySpreadConstraints|0|labelSelector`,
      value: { matchLabels: { "app.kubernetes.io/component": "worker" } },
    },
  ],
  "keys that are taken of a ConfigMap of the chart are in it": [
    { at: WORKER, field: `${POD}|volumes|0|configMap|items|0|key`, value: "settings.yaml" },
    { at: "ConfigMap/farm-settings", field: "data", value: { other: "" } },
  ],
  "a scheduled job runs once at a time, ends, and is forgotten": [
    { at: "CronJob/farm-gc", field: "spec|concurrencyPolicy", value: undefined },
    { at: "CronJob/farm-gc", field: "spec|jobTemplate|spec|activeDeadlineSeconds", value: undefined },
    { at: "CronJob/farm-gc", field: "spec|jobTemplate|spec|backoffLimit", value: undefined },
  ],
  "volumes of pictures and jobs outlive the release": [
    { at: "PersistentVolumeClaim/farm-store", field: "metadata|annotations", value: {} },
  ],
  "variables of the farm are ones that it knows": [
    { at: GATEWAY, field: `${CONTAINER}|env`, value: variable("FARM_PROT", "8080") },
  ],
  "the farm takes its variables as they are rendered": [
    { at: GATEWAY, field: `${CONTAINER}|env`, value: variable("FARM_PORT", "8080.0") },
    { at: WORKER, field: `${CONTAINER}|env`, value: variable("FARM_DEVICE", "gpu") },
  ],
  "variables are texts, once each": [
    { at: GATEWAY, field: `${CONTAINER}|env|0|name`, value: "FARM_PORT" },
    { at: GATEWAY, field: `${CONTAINER}|env|1|value`, value: 8080 },
  ],
  "a process listens on the port that its container names": [
    { at: GATEWAY, field: `${CONTAINER}|ports|0|containerPort`, value: 80 },
    { at: WORKER, field: `${CONTAINER}|env|1|value`, value: "9465" },
  ],
  "a process with a port listens on every address of its pod": [
    { at: WORKER, field: `${CONTAINER}|env|0|value`, value: "127.0.0.1" },
  ],
  "metrics that are asked for are ones that the farm tells": [
    { at: SCALER, field: `${TRIGGER}|query`, value: "max(farm_backlog_minutes)" },
    { at: "PrometheusRule/farm", field: "spec|groups|0|rules|0|expr", value: "farm_made_up_total > 1" },
  ],
  "a scaler asks for a metric of the farm": [{ at: SCALER, field: `${TRIGGER}|query`, value: "vector(1)" }],
  "roles allow no more than a worker needs": [
    { at: "Role/farm-worker", field: "rules|0|verbs", value: ["patch", "delete"] },
    { at: "Role/farm-worker", field: "rules|0|resources", value: ["secrets"] },
    { at: "Role/farm-worker", field: "rules|0|apiGroups", value: ["*"] },
  ],
  "no role is of the whole cluster": [{ at: "Role/farm-worker", field: "kind", value: "ClusterRole" }],
  "a pod mounts its account's token only when a role is bound to it": [
    { at: GATEWAY, field: `${POD}|automountServiceAccountToken`, value: true },
    { at: WORKER, field: `${POD}|automountServiceAccountToken`, value: false },
  ],
  "an admission policy narrows what a role allows on pods": [
    { at: "ValidatingAdmissionPolicyBinding/farm-worker-own-pod", field: "kind", value: "ConfigMap" },
  ],
  "an admission policy refuses, and refuses what it cannot judge": [
    {
      at: "ValidatingAdmissionPolicyBinding/farm-worker-own-pod",
      field: "spec|validationActions",
      value: ["Audit"],
    },
    { at: "ValidatingAdmissionPolicy/farm-worker-own-pod", field: "spec|failurePolicy", value: "Ignore" },
  ],
};

describe.skipIf(isSkipped)("RULES", () => {
  const manifests = isSkipped ? [] : renderChart(FIXTURE);
  const given = isSkipped ? [] : valuesGiven(FIXTURE);
  const farm = toFarm(manifests, given, VERSION);

  it("find nothing in a farm as it should be", () => {
    expect(judge(RULES, farm)).toEqual([]);
    expect(farm.workloads).toHaveLength(3);
  });

  it("each have a planted fault", () => {
    expect(Object.keys(FAULTS).sort()).toEqual(RULES.map(({ name }) => name).sort());
  });

  const plants = Object.entries(FAULTS).flatMap(([rule, faults]) =>
    faults.map((fault) => ({ rule, ...fault })),
  );
  it.each(plants)("$rule: finds $value at $field of $at", (fault) => {
    const secret =
      fault.value === "Secret"
        ? { rule: fault.rule, at: "Secret/farm-gateway", field: "data", value: { a: "b" } }
        : undefined;
    const planted = plant(manifests, fault);
    const all = secret === undefined ? planted : plant(planted, secret);
    const rule = RULES.find(({ name }) => name === fault.rule);
    expect(rule?.check(toFarm(all, given, VERSION)).length).toBeGreaterThan(0);
  });

  it("NO_NODE_FOLDERS refuses even a folder that the values name", () => {
    const fault = {
      rule: "",
      at: WORKER,
      field: `${POD}|volumes|1`,
      value: { name: "tmp", hostPath: { path: "/var/models/a" } },
    };
    const named = toFarm(plant(manifests, fault), [...given, "/var/models"], VERSION);
    expect(judge(RULES, named)).toEqual([]);
    expect(NO_NODE_FOLDERS.check(named)).toEqual([`${WORKER}: volume is hostPath`]);
  });

  it("find a StatefulSet that deletes its volumes", () => {
    const set = parseManifests(
      "{ kind: StatefulSet, metadata: { name: redis }, spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted: Delete } } }",
    );
    const rule = RULES.find(({ name }) => name === "volumes of pictures and jobs outlive the release");
    expect(rule?.check(toFarm(set, [], VERSION))).toEqual(["StatefulSet/redis deletes its volumes"]);
  });

  it("amountOf() reads amounts as Kubernetes does", () => {
    expect(["250m", 2, "1.5", "1Ki", "2G"].map(amountOf)).toEqual([0.25, 2, 1.5, 1024, 2e9]);
    expect(amountOf("lots")).toBeNaN();
    expect(amountOf(undefined)).toBeNaN();
  });
});
