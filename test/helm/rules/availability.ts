import { nameOf, selects } from "../manifest.js";
import { asNumber, asRecord, dig, digList, digStrings, digText } from "../tree.js";
import { ofKind, podRule, type Rule } from "./rule.js";
import { leastReplicas } from "./scaling.js";

/** What keeps a farm up while nodes come and go and jobs fail. */
export const AVAILABILITY_RULES: readonly Rule[] = [
  // Kubernetes would set FARM_..._SERVICE_HOST in a release called farm, and an unknown FARM_ name stops a process.
  podRule("pods get no variables of services", (pod) =>
    pod.enableServiceLinks === false ? [] : [`enableServiceLinks is ${pod.enableServiceLinks}`],
  ),
  {
    name: "a workload of several pods that serve has a disruption budget",
    check: (farm) =>
      farm.workloads
        .filter(({ manifest, containers }) => {
          const serves = containers.some(({ body }) => digList(body, "ports").length > 0);
          return manifest.kind === "Deployment" && serves && leastReplicas(farm, manifest) > 1;
        })
        .filter(
          ({ labels }) =>
            !ofKind(farm, "PodDisruptionBudget").some(({ body }) =>
              selects(dig(body, "spec.selector"), labels),
            ),
        )
        .map(({ manifest }) => nameOf(manifest)),
  },
  {
    name: "pods are spread among their own kind",
    check: ({ workloads }) =>
      workloads.flatMap(({ manifest, pod, labels }) =>
        digList(pod, "topologySpreadConstraints")
          .filter((one) => !selects(dig(one, "labelSelector"), labels))
          .map((one) => `${nameOf(manifest)} over ${digText(one, "topologyKey")}`),
      ),
  },
  {
    name: "keys that are taken of a ConfigMap of the chart are in it",
    check: (farm) =>
      farm.workloads.flatMap(({ manifest, pod, containers }) => {
        const uses = [
          ...digList(pod, "volumes").flatMap((volume) =>
            digList(volume, "configMap.items").map((item) => ({
              map: digText(volume, "configMap.name"),
              key: digText(item, "key"),
            })),
          ),
          ...containers.flatMap(({ body }) =>
            digList(body, "env").map((one) => ({
              map: digText(one, "valueFrom.configMapKeyRef.name"),
              key: digText(one, "valueFrom.configMapKeyRef.key"),
            })),
          ),
        ];
        return uses
          .filter(({ map, key }) =>
            ofKind(farm, "ConfigMap").some(
              ({ name, body }) => name === map && asRecord(body.data)[key] === undefined,
            ),
          )
          .map(({ map, key }) => `${nameOf(manifest)} takes ${key} of ${map}`);
      }),
  },
  {
    name: "a scheduled job runs once at a time, ends, and is forgotten",
    check: (farm) =>
      ofKind(farm, "CronJob").flatMap((job) => {
        const { concurrencyPolicy } = asRecord(job.body.spec);
        const { activeDeadlineSeconds, backoffLimit } = asRecord(dig(job.body, "spec.jobTemplate.spec"));
        return [
          ...(concurrencyPolicy === "Forbid"
            ? []
            : [`${nameOf(job)}: concurrencyPolicy is ${concurrencyPolicy}`]),
          ...(asNumber(activeDeadlineSeconds) === undefined ? [`${nameOf(job)} has no deadline`] : []),
          ...(asNumber(backoffLimit) === undefined ? [`${nameOf(job)} has no backoffLimit`] : []),
        ];
      }),
  },
  {
    // Models are fetched again; pictures and unfinished jobs are nowhere else.
    name: "volumes of pictures and jobs outlive the release",
    check: (farm) => [
      ...ofKind(farm, "PersistentVolumeClaim")
        .filter(({ body }) => digStrings(body, "metadata.labels")["app.kubernetes.io/component"] === "store")
        .filter(({ body }) => digStrings(body, "metadata.annotations")["helm.sh/resource-policy"] !== "keep")
        .map((claim) => `${nameOf(claim)} goes with the release`),
      ...ofKind(farm, "StatefulSet")
        .filter(({ body }) =>
          ["whenDeleted", "whenScaled"].some(
            (when) => dig(body, `spec.persistentVolumeClaimRetentionPolicy.${when}`) === "Delete",
          ),
        )
        .map((one) => `${nameOf(one)} deletes its volumes`),
    ],
  },
];
