/**
 * Writes test/helm/schemas from the Go modules that publish them (needs Go and its proxy; 30 MB of zips):
 *
 *     npx turbo run build && node test/dist/helm/make-schemas.js
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse, stringify } from "yaml";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { asList, asRecord, asText, dig, type Tree } from "./tree.js";

const FOLDER = path.join(REPOSITORY_ROOT, "test", "helm", "schemas");

/** Kubernetes itself: its zip holds the OpenAPI description that its API server serves. */
const KUBERNETES = "k8s.io/kubernetes@v1.35.4";

/** The custom resources that the chart may make: module, file of the definition, and the version that is kept of it. */
const CUSTOM: readonly (readonly [module: string, file: string, version: string])[] = [
  ["github.com/kedacore/keda/v2@v2.20.2", "config/crd/bases/keda.sh_scaledobjects.yaml", "v1alpha1"],
  ["github.com/kedacore/keda/v2@v2.20.2", "config/crd/bases/keda.sh_triggerauthentications.yaml", "v1alpha1"],
  ...["servicemonitors", "podmonitors", "prometheusrules"].map(
    (plural) =>
      [
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        `example/prometheus-operator-crd/monitoring.coreos.com_${plural}.yaml`,
        "v1",
      ] as const,
  ),
  ["sigs.k8s.io/gateway-api@v1.6.3", "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml", "v1"],
];

/** The kinds of Kubernetes that a chart of ours may hold, by their names in its OpenAPI description. */
const KINDS: readonly string[] = [
  ...["ConfigMap", "PersistentVolumeClaim", "Pod", "Secret", "Service", "ServiceAccount"].map(
    (kind) => `core.v1.${kind}`,
  ),
  ...["DaemonSet", "Deployment", "StatefulSet"].map((kind) => `apps.v1.${kind}`),
  ...["CronJob", "Job"].map((kind) => `batch.v1.${kind}`),
  ...["Ingress", "NetworkPolicy"].map((kind) => `networking.v1.${kind}`),
  ...["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"].map((kind) => `rbac.v1.${kind}`),
  ...["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"].map(
    (kind) => `admissionregistration.v1.${kind}`,
  ),
  "autoscaling.v2.HorizontalPodAutoscaler",
  "policy.v1.PodDisruptionBudget",
  "scheduling.v1.PriorityClass",
].map((name) => `io.k8s.api.${name}`);

/** The unpacked folder of a module, from the Go proxy or its cache. */
function moduleFolder(module: string): string {
  const answer: unknown = JSON.parse(
    execFileSync("go", ["mod", "download", "-json", module], { encoding: "utf8" }),
  );
  const folder = asText(dig(answer, "Dir"));
  if (folder === undefined) throw new Error(`Cannot read the schemas of ${module}: go names no folder`);
  return folder;
}

/** A schema without its prose, which is most of it; a property that is called "description" stays. */
function withoutProse(schema: unknown, isMapOfNames = false): unknown {
  if (Array.isArray(schema)) return schema.map((item) => withoutProse(item));
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key, value]) => isMapOfNames || key !== "description" || typeof value !== "string")
      .map(([key, value]) => [key, withoutProse(value, !isMapOfNames && key === "properties")]),
  );
}

/** The definitions that some kinds are made of. */
function reachable(definitions: Tree, kinds: readonly string[]): Tree {
  const found: Record<string, unknown> = {};
  const open = [...kinds];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found[name] !== undefined) continue;
    if (definitions[name] === undefined)
      throw new Error(`Cannot read the schema of ${name}: it is not described`);
    found[name] = withoutProse(definitions[name]);
    for (const [, next = ""] of JSON.stringify(found[name]).matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g))
      open.push(next);
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function write(name: string, origin: string, value: unknown): void {
  const header = `# Made by make-schemas.ts from ${origin}: Apache License 2.0, prose left out. Do not edit.\n`;
  writeFileSync(
    path.join(FOLDER, name),
    header + stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
}

/** A definition of a custom resource with one of its versions. */
function withVersion(definition: unknown, version: string): unknown {
  const spec = asRecord(dig(definition, "spec"));
  const versions = asList(spec.versions).filter((one) => dig(one, "name") === version);
  if (versions.length !== 1)
    throw new Error(`Cannot read ${dig(spec, "names.kind")}: it has no version ${version}`);
  const only = { ...asRecord(versions[0]), storage: true };
  return {
    ...asRecord(withoutProse(definition)),
    spec: { ...asRecord(withoutProse(spec)), versions: [withoutProse(only)] },
  };
}

const swagger: unknown = JSON.parse(
  readFileSync(path.join(moduleFolder(KUBERNETES), "api/openapi-spec/swagger.json"), "utf8"),
);
rmSync(path.join(FOLDER, "custom"), { recursive: true, force: true });
mkdirSync(path.join(FOLDER, "custom"), { recursive: true });
write("kubernetes.yaml", KUBERNETES, reachable(asRecord(dig(swagger, "definitions")), KINDS));
for (const [module, file, version] of CUSTOM) {
  const definition: unknown = parse(readFileSync(path.join(moduleFolder(module), file), "utf8"));
  write(path.join("custom", path.basename(file)), `${module} ${file}`, withVersion(definition, version));
}
