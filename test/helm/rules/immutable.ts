import { type Manifest, nameOf } from "../manifest.js";
import { dig } from "../tree.js";

/** Fields that an API server lets nobody change, by kind. Source: kubernetes' pkg/apis validation, of each kind. */
const IMMUTABLE: Readonly<Record<string, readonly string[]>> = {
  Deployment: ["spec.selector"],
  DaemonSet: ["spec.selector"],
  StatefulSet: ["spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates"],
  Job: ["spec.selector", "spec.template", "spec.completionMode"],
  PersistentVolumeClaim: [
    "spec.accessModes",
    "spec.storageClassName",
    "spec.volumeMode",
    "spec.volumeName",
    "spec.selector",
    "spec.dataSource",
  ],
  RoleBinding: ["roleRef"],
  ClusterRoleBinding: ["roleRef"],
  PriorityClass: ["value", "preemptionPolicy"],
  Secret: ["type"],
  StorageClass: ["provisioner", "parameters"],
};

/** Objects whose loss loses what a farm holds. */
const KEPT = ["PersistentVolumeClaim", "StatefulSet"];

/**
 * What an upgrade from one rendering to another cannot do: an API server would refuse it, helm would stop half way, or
 * data would be gone. Labels of a claim's template count as well: they are part of an immutable list.
 */
export function blockedChanges(before: readonly Manifest[], after: readonly Manifest[]): readonly string[] {
  return before.flatMap((old) => {
    const now = after.find((one) => nameOf(one) === nameOf(old));
    if (now === undefined) return KEPT.includes(old.kind) ? [`${nameOf(old)} is gone`] : [];
    const fields = [...(IMMUTABLE[old.kind] ?? []), ...immutableValues(old)];
    return fields
      .filter((field) => isOther(dig(old.body, field), dig(now.body, field)))
      .map((field) => `${nameOf(old)}: ${field} changes`);
  });
}

/** Fields that are immutable only with some values: a Service without an address of its own gets none later. */
function immutableValues({ kind, body }: Manifest): readonly string[] {
  if (kind === "Service") return ["spec.clusterIP", "spec.type"];
  return body.immutable === true ? ["data", "binaryData"] : [];
}

function isOther(before: unknown, after: unknown): boolean {
  return canonical(before) !== canonical(after);
}

/** A value as text with its fields in order: their order in a file says nothing. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) =>
      typeof part === "object" && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? ""
  );
}
