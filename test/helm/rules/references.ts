import { nameOf, selects, type Workload } from "../manifest.js";
import { asRecord, asText, dig, digList, digStrings, digText, stringsBelow, type Tree } from "../tree.js";
import { portNames } from "./probes.js";
import { type Farm, ofKind, type Rule } from "./rule.js";

/** One use of another object's name. */
interface Reference {
  readonly where: string;
  readonly kind: string;
  readonly name: string;
}

/** Objects that every cluster or namespace has. */
const BUILT_IN = [
  "ConfigMap/kube-root-ca.crt",
  "PriorityClass/system-node-critical",
  "PriorityClass/system-cluster-critical",
];

/** The references of a pod to objects of its namespace and its cluster. */
function referencesOf({ manifest, pod }: Workload): readonly Reference[] {
  const where = nameOf(manifest);
  const named = (kind: string, name: unknown) =>
    asText(name) === undefined ? [] : [{ where, kind, name: String(name) }];
  const containers = [...digList(pod, "initContainers"), ...digList(pod, "containers")];
  return [
    ...named("ServiceAccount", pod.serviceAccountName),
    ...named("PriorityClass", pod.priorityClassName),
    ...named("RuntimeClass", pod.runtimeClassName),
    ...digList(pod, "imagePullSecrets").flatMap((one) => named("Secret", dig(one, "name"))),
    ...digList(pod, "volumes").flatMap((volume) => [
      ...named("ConfigMap", dig(volume, "configMap.name")),
      ...named("Secret", dig(volume, "secret.secretName")),
      ...named("PersistentVolumeClaim", dig(volume, "persistentVolumeClaim.claimName")),
      ...digList(volume, "projected.sources").flatMap((source) => [
        ...named("ConfigMap", dig(source, "configMap.name")),
        ...named("Secret", dig(source, "secret.name")),
      ]),
    ]),
    ...containers.flatMap((container) => [
      ...digList(container, "env").flatMap((one) => [
        ...named("ConfigMap", dig(one, "valueFrom.configMapKeyRef.name")),
        ...named("Secret", dig(one, "valueFrom.secretKeyRef.name")),
      ]),
      ...digList(container, "envFrom").flatMap((one) => [
        ...named("ConfigMap", dig(one, "configMapRef.name")),
        ...named("Secret", dig(one, "secretRef.name")),
      ]),
    ]),
  ];
}

/** References that other objects than pods make. */
function otherReferences(farm: Farm): readonly Reference[] {
  return [
    ...ofKind(farm, "StatefulSet").map((one) => ({
      where: nameOf(one),
      kind: "Service",
      name: digText(one.body, "spec.serviceName"),
    })),
    ...ofKind(farm, "Ingress", "HTTPRoute").flatMap((one) =>
      backendsOf(one.body).map((name) => ({ where: nameOf(one), kind: "Service", name })),
    ),
    ...ofKind(farm, "RoleBinding", "ClusterRoleBinding").flatMap((one) => [
      {
        where: nameOf(one),
        kind: digText(one.body, "roleRef.kind"),
        name: digText(one.body, "roleRef.name"),
      },
      ...digList(one.body, "subjects").map((subject) => ({
        where: nameOf(one),
        kind: digText(subject, "kind"),
        name: digText(subject, "name"),
      })),
    ]),
    ...ofKind(farm, "HorizontalPodAutoscaler", "ScaledObject").map((one) => ({
      where: nameOf(one),
      kind: digText(one.body, "spec.scaleTargetRef.kind") || "Deployment",
      name: digText(one.body, "spec.scaleTargetRef.name"),
    })),
    ...ofKind(farm, "ScaledObject").flatMap((one) =>
      digList(one.body, "spec.triggers")
        .filter((trigger) => dig(trigger, "authenticationRef.name") !== undefined)
        .map((trigger) => ({
          where: nameOf(one),
          kind: digText(trigger, "authenticationRef.kind") || "TriggerAuthentication",
          name: digText(trigger, "authenticationRef.name"),
        })),
    ),
    ...ofKind(farm, "ValidatingAdmissionPolicyBinding").map((one) => ({
      where: nameOf(one),
      kind: "ValidatingAdmissionPolicy",
      name: digText(one.body, "spec.policyName"),
    })),
  ];
}

/** The services that a route leads to. */
function backendsOf(route: Tree): readonly string[] {
  return stringsBelow(route.spec)
    .filter(([path]) => /(backend\.service|backendRefs\[\d+\])\.name$/.test(path))
    .map(([, name]) => name);
}

/** The ports of pods that an object takes by its selector. */
function portsSelected(farm: Farm, selector: unknown): readonly string[] {
  return farm.workloads
    .filter(({ labels }) => selects(selector, labels))
    .flatMap(({ containers }) => containers.flatMap(({ body }) => portNames(body)));
}

/** The names of a service's ports that a monitor may ask, by the labels it selects with. */
function servicePorts(farm: Farm, selector: unknown): readonly string[] {
  return ofKind(farm, "Service")
    .filter(({ body }) => selects(selector, digStrings(body, "metadata.labels")))
    .flatMap(({ body }) => digList(body, "spec.ports").map((port) => digText(port, "name")));
}

/** Names of objects and ports that one object uses and another gives. */
export const REFERENCE_RULES: readonly Rule[] = [
  {
    name: "what a reference names is in the chart, or named in the values",
    check: (farm) =>
      [...farm.workloads.flatMap(referencesOf), ...otherReferences(farm)]
        .filter(({ kind, name }) => !farm.manifests.some((one) => one.kind === kind && one.name === name))
        .filter(({ kind, name }) => !farm.given.has(name) && !BUILT_IN.includes(`${kind}/${name}`))
        .map(({ where, kind, name }) => `${where} names ${kind}/${name}`),
  },
  {
    name: "pods name their own service account",
    check: ({ workloads }) =>
      workloads
        .filter(({ pod }) => ["", "default"].includes(digText(pod, "serviceAccountName")))
        .map(({ manifest }) => nameOf(manifest)),
  },
  {
    name: "a service's ports are ports of its pods, by name",
    check: (farm) =>
      ofKind(farm, "Service").flatMap((service) => {
        const ports = portsSelected(farm, { matchLabels: dig(service.body, "spec.selector") });
        return digList(service.body, "spec.ports")
          .map((port) => String(dig(port, "targetPort") ?? dig(port, "port")))
          .filter((target) => !ports.includes(target))
          .map((target) => `${nameOf(service)} leads to port ${target}, which no container names`);
      }),
  },
  {
    name: "a route leads to a port that its service has",
    check: (farm) =>
      ofKind(farm, "Ingress", "HTTPRoute").flatMap((route) =>
        portsOfBackends(route.body).flatMap(({ service, port }) => {
          const ports = ofKind(farm, "Service")
            .filter(({ name }) => name === service)
            .flatMap(({ body }) => digList(body, "spec.ports"));
          const has = ports.some((one) => dig(one, "name") === port || dig(one, "port") === port);
          return has || ports.length === 0 ? [] : [`${nameOf(route)} leads to ${service}:${port}`];
        }),
      ),
  },
  {
    name: "a monitor asks ports that exist",
    check: (farm) => [
      ...ofKind(farm, "ServiceMonitor").flatMap((one) => {
        const ports = servicePorts(farm, dig(one.body, "spec.selector"));
        return missingPorts(one.body, "spec.endpoints", ports).map((port) => `${nameOf(one)} asks ${port}`);
      }),
      ...ofKind(farm, "PodMonitor").flatMap((one) => {
        const ports = portsSelected(farm, dig(one.body, "spec.selector"));
        return missingPorts(one.body, "spec.podMetricsEndpoints", ports).map(
          (port) => `${nameOf(one)} asks ${port}`,
        );
      }),
    ],
  },
  {
    name: "a monitor finds every pod that has metrics",
    check: (farm) => {
      const monitors = ofKind(farm, "ServiceMonitor", "PodMonitor");
      if (monitors.length === 0) return [];
      return farm.workloads
        .filter(({ containers }) => containers.some(({ body }) => portNames(body).some(isMetricsPort)))
        .filter(({ labels }) => !monitors.some((monitor) => monitorTakes(farm, monitor.body, labels)))
        .map(({ manifest }) => nameOf(manifest));
    },
  },
  {
    name: "mounts are of volumes that the pod has",
    check: ({ workloads }) =>
      workloads.flatMap(({ manifest, pod, containers }) => {
        const volumes = [
          ...digList(pod, "volumes").map((one) => digText(one, "name")),
          ...digList(manifest.body, "spec.volumeClaimTemplates").map((one) => digText(one, "metadata.name")),
        ];
        const mounted = containers.flatMap(({ body }) =>
          digList(body, "volumeMounts").map((one) => digText(one, "name")),
        );
        return [
          ...mounted
            .filter((name) => !volumes.includes(name))
            .map((name) => `${nameOf(manifest)}: no volume ${name}`),
          ...volumes
            .filter((name) => !mounted.includes(name))
            .map((name) => `${nameOf(manifest)}: ${name} is not mounted`),
        ];
      }),
  },
];

/** Ports on which the farm tells numbers: the gateway's own, and those of workers and couriers. */
function isMetricsPort(name: string): boolean {
  return name === "http" || name === "metrics";
}

function monitorTakes(farm: Farm, monitor: Tree, labels: Readonly<Record<string, string>>): boolean {
  const selector = dig(monitor, "spec.selector");
  if (monitor.kind === "PodMonitor") return selects(selector, labels);
  return ofKind(farm, "Service")
    .filter(({ body }) => selects(selector, digStrings(body, "metadata.labels")))
    .some(({ body }) => selects({ matchLabels: dig(body, "spec.selector") }, labels));
}

function missingPorts(monitor: Tree, at: string, ports: readonly string[]): readonly string[] {
  return digList(monitor, at)
    .map((endpoint) => digText(endpoint, "port"))
    .filter((port) => !ports.includes(port));
}

function portsOfBackends(route: Tree): readonly { readonly service: string; readonly port: unknown }[] {
  const ofIngress = (backend: unknown) => ({
    service: digText(backend, "service.name"),
    port: dig(backend, "service.port.name") ?? dig(backend, "service.port.number"),
  });
  const rules = digList(route, "spec.rules");
  return [
    ...rules.flatMap((rule) => digList(rule, "http.paths").map((path) => ofIngress(dig(path, "backend")))),
    ...rules.flatMap((rule) =>
      digList(rule, "backendRefs").map((one) => ({
        service: digText(one, "name"),
        port: asRecord(one).port,
      })),
    ),
  ];
}
