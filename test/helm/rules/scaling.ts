import {
  parseFarmEnv,
  STOP_SECONDS_COURIER,
  STOP_SECONDS_GATEWAY,
  STOP_SECONDS_WORKER,
} from "@latentfarm/contract";
import { type Manifest, nameOf, selects } from "../manifest.js";
import { asNumber, asRecord, dig, digList, digText } from "../tree.js";
import { type Farm, ofKind, type Rule } from "./rule.js";

/** Seconds for a Redis of the chart's own to write what it holds. */
const STOP_SECONDS_REDIS = 30;
/** The drain of a worker whose manifest names none, by packages/contract's table. */
const DRAIN_SECONDS_DEFAULT = String(parseFarmEnv({}).FARM_DRAIN_SECONDS);
const LAME_DUCK_SECONDS_DEFAULT = String(parseFarmEnv({}).FARM_LAME_DUCK_SECONDS);

/** What scales a workload, if anything does. */
function scalersOf(farm: Farm, { kind, name }: Manifest): readonly Manifest[] {
  return ofKind(farm, "HorizontalPodAutoscaler", "ScaledObject").filter(
    ({ body }) =>
      digText(body, "spec.scaleTargetRef.name") === name &&
      (digText(body, "spec.scaleTargetRef.kind") || "Deployment") === kind,
  );
}

function limitsOf({ body }: Manifest): readonly [min: number, max: number] {
  const min = dig(body, "spec.minReplicas") ?? dig(body, "spec.minReplicaCount");
  const max = dig(body, "spec.maxReplicas") ?? dig(body, "spec.maxReplicaCount");
  return [asNumber(min) ?? 0, asNumber(max) ?? Number.NaN];
}

/** Growing, shrinking and ending of pods. */
export const SCALING_RULES: readonly Rule[] = [
  {
    name: "a workload has one scaler at most",
    check: (farm) =>
      farm.workloads
        .filter(({ manifest }) => scalersOf(farm, manifest).length > 1)
        .map(({ manifest }) => nameOf(manifest)),
  },
  {
    // An upgrade would set the number back to what the chart says, in the middle of a rush.
    name: "a workload with a scaler leaves replicas to it",
    check: (farm) =>
      farm.workloads
        .filter(({ manifest }) => scalersOf(farm, manifest).length > 0)
        .filter(({ manifest }) => dig(manifest.body, "spec.replicas") !== undefined)
        .map(({ manifest }) => nameOf(manifest)),
  },
  {
    name: "scalers have room between their ends",
    check: (farm) =>
      ofKind(farm, "HorizontalPodAutoscaler", "ScaledObject")
        .filter((scaler) => !(limitsOf(scaler)[0] <= limitsOf(scaler)[1]))
        .map((scaler) => `${nameOf(scaler)} goes from ${limitsOf(scaler).join(" to ")}`),
  },
  {
    // Prometheus away: KEDA must neither take nothing for no work nor keep a number without end.
    name: "a scaler on Prometheus says what holds when it tells nothing",
    check: (farm) =>
      ofKind(farm, "ScaledObject").flatMap((scaler) => {
        const blind = digList(scaler.body, "spec.triggers").some(
          (trigger) =>
            digText(trigger, "type") === "prometheus" &&
            digText(trigger, "metadata.ignoreNullValues") !== "false",
        );
        return [
          ...(blind ? [`${nameOf(scaler)}: ignoreNullValues is not "false"`] : []),
          ...(dig(scaler.body, "spec.fallback") === undefined ? [`${nameOf(scaler)}: no fallback`] : []),
        ];
      }),
  },
  {
    name: "pods have time to drain before they are killed",
    check: ({ workloads }) =>
      workloads
        .filter(({ manifest }) => ["Deployment", "StatefulSet"].includes(manifest.kind))
        .flatMap(({ manifest, pod, labels, containers }) => {
          const given = asNumber(pod.terminationGracePeriodSeconds) ?? 30;
          const component = labels["app.kubernetes.io/component"] ?? "";
          // Sidecars are ended after the others, and in no time.
          const main = containers.filter(({ role }) => role === "main");
          const needed = Math.max(...main.map(({ body }) => pauseOf(body) + stopOf(component, body)));
          return given >= needed ? [] : [`${nameOf(manifest)}: ${given} s are under ${needed} s`];
        }),
  },
  {
    name: "a disruption budget lets nodes be emptied",
    check: (farm) =>
      ofKind(farm, "PodDisruptionBudget").flatMap((budget) => {
        const { minAvailable, maxUnavailable } = asRecord(budget.body.spec);
        const replicas = farm.workloads
          .filter(({ labels }) => selects(dig(budget.body, "spec.selector"), labels))
          .map(({ manifest }) => leastReplicas(farm, manifest));
        const stuck =
          maxUnavailable === 0 ||
          maxUnavailable === "0%" ||
          minAvailable === "100%" ||
          (asNumber(minAvailable) !== undefined && replicas.some((count) => count <= Number(minAvailable)));
        return stuck ? [`${nameOf(budget)} allows no pod to go`] : [];
      }),
  },
];

/** The fewest pods that a workload has: what its scaler keeps, else what it names. */
export function leastReplicas(farm: Farm, manifest: Manifest): number {
  const [scaler] = scalersOf(farm, manifest);
  return scaler ? limitsOf(scaler)[0] : (asNumber(dig(manifest.body, "spec.replicas")) ?? 1);
}

/** Seconds that a container waits before it hears of its end. */
function pauseOf(container: unknown): number {
  const sleep = asNumber(dig(container, "lifecycle.preStop.sleep.seconds"));
  const command = digList(container, "lifecycle.preStop.exec.command").join(" ");
  return sleep ?? Number(/(?:^|\s)sleep\s+([0-9]+)/.exec(command)?.[1] ?? 0);
}

/** Seconds from the signal to a process's own end. */
function stopOf(component: string, container: unknown): number {
  const told = (name: string, absent: string) => {
    const variable = digList(container, "env").find((one) => digText(one, "name") === name);
    return Number(digText(variable, "value") || absent);
  };
  switch (component) {
    case "worker":
      return STOP_SECONDS_WORKER + told("FARM_DRAIN_SECONDS", DRAIN_SECONDS_DEFAULT);
    case "gateway":
      return STOP_SECONDS_GATEWAY + told("FARM_LAME_DUCK_SECONDS", LAME_DUCK_SECONDS_DEFAULT);
    case "courier":
      return STOP_SECONDS_COURIER;
    case "redis":
      return STOP_SECONDS_REDIS;
    default:
      return 0;
  }
}
