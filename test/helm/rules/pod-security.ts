import { asText, dig, digList, digText } from "../tree.js";
import { containerRule, type Farm, podRule, type Rule } from "./rule.js";

/** The kinds of volumes that the profile "restricted" takes. */
const VOLUMES_RESTRICTED = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "image",
  "persistentVolumeClaim",
  "projected",
  "secret",
];

/** What a volume is beside its name. */
function volumeKind(volume: unknown): string {
  return Object.keys(Object(volume)).find((key) => key !== "name") ?? "nothing";
}

/** The volumes of every pod that the profile does not take. */
function foreignVolumes({
  workloads,
}: Farm): readonly { readonly where: string; readonly volume: unknown }[] {
  return workloads.flatMap(({ manifest, pod }) =>
    digList(pod, "volumes")
      .filter((volume) => !VOLUMES_RESTRICTED.includes(volumeKind(volume)))
      .map((volume) => ({ where: `${manifest.kind}/${manifest.name}`, volume })),
  );
}

/**
 * The profile "restricted" of the Pod Security Standards, and a root file system that cannot be written.
 * Source: kubernetes.io, "Pod Security Standards".
 */
export const POD_SECURITY_RULES: readonly Rule[] = [
  containerRule("containers run as no root", ({ body }, { pod }) => {
    const of = (field: string) =>
      dig(body, `securityContext.${field}`) ?? dig(pod, `securityContext.${field}`);
    if (of("runAsNonRoot") !== true) return `runAsNonRoot is ${of("runAsNonRoot")}`;
    return of("runAsUser") === 0 ? "runAsUser is 0" : undefined;
  }),
  containerRule("containers cannot write to their image", ({ body }) => {
    const value = dig(body, "securityContext.readOnlyRootFilesystem");
    return value === true ? undefined : `readOnlyRootFilesystem is ${value}`;
  }),
  containerRule("containers hold no capabilities", ({ body }) => {
    const dropped = digList(body, "securityContext.capabilities.drop");
    const added = digList(body, "securityContext.capabilities.add");
    if (!dropped.includes("ALL")) return `capabilities.drop is [${dropped}]`;
    return added.length > 0 ? `capabilities.add is [${added}]` : undefined;
  }),
  containerRule("containers have a seccomp profile", ({ body }, { pod }) => {
    const profile =
      asText(dig(body, "securityContext.seccompProfile.type")) ??
      asText(dig(pod, "securityContext.seccompProfile.type"));
    return profile === "RuntimeDefault" || profile === "Localhost"
      ? undefined
      : `seccompProfile is ${profile}`;
  }),
  containerRule("containers cannot gain privileges", ({ body }) => {
    const escalation = dig(body, "securityContext.allowPrivilegeEscalation");
    if (escalation !== false) return `allowPrivilegeEscalation is ${escalation}`;
    return dig(body, "securityContext.privileged") === true ? "privileged is true" : undefined;
  }),
  podRule("pods share nothing of their node", (pod) =>
    ["hostNetwork", "hostPID", "hostIPC"]
      .filter((field) => dig(pod, field) === true)
      .map((field) => `${field} is true`),
  ),
  containerRule("containers take no port of their node", ({ body }) => {
    const port = digList(body, "ports").find((one) => dig(one, "hostPort") !== undefined);
    return port === undefined
      ? undefined
      : `hostPort of ${digText(port, "name")} is ${dig(port, "hostPort")}`;
  }),
  {
    name: "volumes are of the restricted kinds, but for a folder of the node that the values name",
    check: (farm) =>
      foreignVolumes(farm).flatMap(({ where, volume }) => {
        const path = digText(volume, "hostPath.path");
        const isNamed =
          volumeKind(volume) === "hostPath" && [...farm.given].some((text) => isAtOrBelow(path, text));
        return isNamed
          ? []
          : [`${where}: volume ${digText(volume, "name")} is ${volumeKind(volume)} ${path}`];
      }),
  },
];

/** The stricter form, for values that keep models off the node: no folder of the node at all. */
export const NO_NODE_FOLDERS: Rule = {
  name: "volumes are of the restricted kinds",
  check: (farm) =>
    foreignVolumes(farm).map(({ where, volume }) => `${where}: volume is ${volumeKind(volume)}`),
};

function isAtOrBelow(path: string, folder: string): boolean {
  return (
    folder.length > 1 && folder.startsWith("/") && `${path}/`.startsWith(`${folder.replace(/\/$/, "")}/`)
  );
}
