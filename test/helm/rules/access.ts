import { nameOf } from "../manifest.js";
import { dig, digList, digText } from "../tree.js";
import { ofKind, type Rule } from "./rule.js";

/** What the farm's own account may do, and no more: keep its pod's deletion cost up to date. */
const ALLOWED = [{ group: "", resource: "pods", verb: "patch" }] as const;

/** What the cluster lets the pods do. */
export const ACCESS_RULES: readonly Rule[] = [
  {
    name: "roles allow no more than a worker needs",
    check: (farm) =>
      ofKind(farm, "Role", "ClusterRole").flatMap((role) =>
        digList(role.body, "rules").flatMap((rule) =>
          digList(rule, "apiGroups").flatMap((group) =>
            digList(rule, "resources").flatMap((resource) =>
              digList(rule, "verbs")
                .filter(
                  (verb) =>
                    !ALLOWED.some(
                      (one) => one.group === group && one.resource === resource && one.verb === verb,
                    ),
                )
                .map((verb) => `${nameOf(role)} allows ${verb} of ${resource}`),
            ),
          ),
        ),
      ),
  },
  {
    name: "no role is of the whole cluster",
    check: (farm) => ofKind(farm, "ClusterRole", "ClusterRoleBinding").map(nameOf),
  },
  {
    name: "a pod mounts its account's token only when a role is bound to it",
    check: (farm) => {
      const bound = ofKind(farm, "RoleBinding").flatMap(({ body }) =>
        digList(body, "subjects").map((subject) => digText(subject, "name")),
      );
      return farm.workloads.flatMap(({ manifest, pod }) => {
        const account = digText(pod, "serviceAccountName");
        const own = farm.manifests.find(({ kind, name }) => kind === "ServiceAccount" && name === account);
        const isAutomatic =
          (pod.automountServiceAccountToken ?? dig(own?.body, "automountServiceAccountToken")) !== false;
        const mounts = isAutomatic || projectsToken(pod);
        return mounts === bound.includes(account)
          ? []
          : [
              `${nameOf(manifest)} ${mounts ? "mounts a token without a role" : "has a role and mounts no token"}`,
            ];
      });
    },
  },
  {
    // The role alone would let a worker rewrite any pod of the namespace.
    name: "an admission policy narrows what a role allows on pods",
    check: (farm) =>
      ofKind(farm, "Role").length > 0 && ofKind(farm, "ValidatingAdmissionPolicyBinding").length === 0
        ? ["a Role, but no ValidatingAdmissionPolicyBinding"]
        : [],
  },
  {
    name: "an admission policy refuses, and refuses what it cannot judge",
    check: (farm) => [
      ...ofKind(farm, "ValidatingAdmissionPolicy")
        .filter(({ body }) => (dig(body, "spec.failurePolicy") ?? "Fail") !== "Fail")
        .map((one) => `${nameOf(one)} fails open`),
      ...ofKind(farm, "ValidatingAdmissionPolicyBinding")
        .filter(({ body }) => !digList(body, "spec.validationActions").includes("Deny"))
        .map((one) => `${nameOf(one)} does not deny`),
    ],
  },
];

/** Whether a pod has a volume with a token, which it may have without the automatic one. */
function projectsToken(pod: unknown): boolean {
  return digList(pod, "volumes").some((volume) =>
    digList(volume, "projected.sources").some((source) => dig(source, "serviceAccountToken") !== undefined),
  );
}
