import { nameOf, selects } from "../manifest.js";
import { asRecord, dig, digStrings, digText } from "../tree.js";
import { type Farm, ofKind, type Rule } from "./rule.js";

/** Source: kubernetes.io, "Recommended Labels"; helm.sh, "Labels and Annotations". */
const LABELS = ["name", "instance", "component", "version", "part-of", "managed-by"].map(
  (label) => `app.kubernetes.io/${label}`,
);
/** What never changes in a release: a selector is immutable, so that a version in it would forbid every upgrade. */
const LABELS_OF_SELECTORS = /^(app\.kubernetes\.io\/(name|instance|component)|latentfarm(\.io)?\/[a-z-]+)$/;
/** What every selector needs, so that two releases in one namespace stay apart. */
const LABELS_NEEDED = ["app.kubernetes.io/name", "app.kubernetes.io/instance"];

/** What a Service is named by, and a label's value that is an object's name. Source: RFC 1035; kubernetes.io, "Object Names and IDs". */
const NAME_OF_SERVICE = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** A label's value. Source: kubernetes.io, "Labels and Selectors". */
const LABEL = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;
/** Kinds whose names go into the names or the labels of pods, or are found by DNS. */
const KINDS_NAMED_SHORT = ["Service", "Deployment", "StatefulSet", "ScaledObject"];

/** The selectors of pods, but for those of network policies, which may take every pod. */
function podSelectors(farm: Farm): readonly { readonly where: string; readonly selector: unknown }[] {
  return [
    ...ofKind(farm, "Deployment", "StatefulSet", "DaemonSet", "PodDisruptionBudget").map((manifest) => ({
      where: nameOf(manifest),
      selector: dig(manifest.body, "spec.selector"),
    })),
    ...ofKind(farm, "Service").map((manifest) => ({
      where: nameOf(manifest),
      selector: { matchLabels: dig(manifest.body, "spec.selector") },
    })),
  ];
}

/** Labels by which people and selectors find objects. */
export const LABEL_RULES: readonly Rule[] = [
  {
    name: "objects have the recommended labels",
    check: ({ manifests }) =>
      manifests.flatMap((manifest) => {
        const labels = digStrings(manifest.body, "metadata.labels");
        const absent = [...LABELS, "helm.sh/chart"].filter((label) => !labels[label]);
        return absent.length > 0 ? [`${nameOf(manifest)} lacks ${absent.join(", ")}`] : [];
      }),
  },
  {
    name: "names and labels are such as Kubernetes takes",
    check: ({ manifests }) =>
      manifests.flatMap((manifest) => {
        const name = digText(manifest.body, "metadata.name");
        const isShort = KINDS_NAMED_SHORT.includes(manifest.kind);
        const labels = Object.entries(asRecord(dig(manifest.body, "metadata.labels")));
        return [
          ...(isShort && !NAME_OF_SERVICE.test(name) ? [`${nameOf(manifest)} is no name`] : []),
          ...labels
            .filter(([, value]) => typeof value !== "string" || !LABEL.test(value))
            .map(([label, value]) => `${nameOf(manifest)} has the label ${label}=${value}`),
        ];
      }),
  },
  {
    name: "the label of the version is the chart's",
    check: ({ manifests, version }) =>
      manifests
        .filter(({ body }) => digStrings(body, "metadata.labels")["app.kubernetes.io/version"] !== version)
        .map(nameOf),
  },
  {
    name: "a workload's selector takes its own pods",
    check: ({ workloads }) =>
      workloads
        .filter(({ manifest }) => dig(manifest.body, "spec.selector") !== undefined)
        .filter(({ manifest, labels }) => !selects(dig(manifest.body, "spec.selector"), labels))
        .map(({ manifest }) => nameOf(manifest)),
  },
  {
    name: "no two workloads share a pod",
    check: ({ workloads }) =>
      workloads.flatMap(({ manifest }) =>
        workloads
          .filter((other) => other.manifest !== manifest)
          .filter(() => dig(manifest.body, "spec.selector") !== undefined)
          .filter((other) => selects(dig(manifest.body, "spec.selector"), other.labels))
          .map((other) => `${nameOf(manifest)} selects the pods of ${nameOf(other.manifest)}`),
      ),
  },
  {
    name: "every selector takes the pods of a workload",
    check: (farm) =>
      podSelectors(farm)
        .filter(({ selector }) => !farm.workloads.some(({ labels }) => selects(selector, labels)))
        .map(({ where }) => where),
  },
  {
    name: "selectors hold what never changes and tells releases apart",
    check: (farm) =>
      podSelectors(farm).flatMap(({ where, selector }) => {
        const keys = Object.keys(digStrings(selector, "matchLabels"));
        const wrong = keys.filter((key) => !LABELS_OF_SELECTORS.test(key));
        const absent = LABELS_NEEDED.filter((key) => !keys.includes(key));
        return [
          ...(wrong.length > 0 ? [`${where} selects by ${wrong}`] : []),
          ...(absent.length > 0 ? [`${where} does not select by ${absent}`] : []),
        ];
      }),
  },
  {
    name: "no object stands twice",
    check: ({ manifests }) => {
      const names = manifests.map((manifest) => `${manifest.apiVersion} ${nameOf(manifest)}`);
      return names.filter((name, index) => names.indexOf(name) !== index);
    },
  },
];
