import { describe, expect, it } from "vitest";
import { parseManifests, workloadsOf } from "../manifest.js";
import { NETWORK_RULES, sampleAddresses } from "./network.js";
import { isAllowed, podPeer } from "./network-policy.js";
import { type Plant, plant } from "./plant.js";
import { judge, toFarm } from "./rule.js";

const PRIVATE = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "0.0.0.0/8",
];
const SPECIAL = [
  ...["100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"],
  ...["198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"],
];

const deployment = (component: string, port: string, number: number) => `
kind: Deployment
apiVersion: apps/v1
metadata: { name: ${component} }
spec:
  template:
    metadata: { labels: { app.kubernetes.io/component: ${component} } }
    spec:
      containers:
        - name: main
          ports: [{ name: ${port}, containerPort: ${number} }]
          env: [{ name: FARM_S3_BUCKET, value: pictures }]`;

const policy = (component: string, ingress: string, egress: string) => `
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: { name: ${component} }
spec:
  podSelector: { matchLabels: { app.kubernetes.io/component: ${component} } }
  policyTypes: [Ingress, Egress]
  ingress: ${ingress}
  egress: ${egress}`;

const METRICS_FROM =
  "from: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: monitoring } } }]";
const DNS = `{ ports: [{ port: 53, protocol: UDP }, { port: 53 }], to: [{ namespaceSelector: {}, podSelector: { matchLabels: { k8s-app: kube-dns } } }] }`;
const REDIS = `{ ports: [{ port: 6379 }], to: [{ podSelector: { matchLabels: { app.kubernetes.io/component: redis } } }] }`;
const S3 = "{ ports: [{ port: 443 }] }";
const METADATA_RULE = { ports: [{ port: 80 }], to: [{ ipBlock: { cidr: "169.254.169.254/32" } }] };
const INTERNET = `{ ports: [{ port: 443 }], to: [{ ipBlock: { cidr: 0.0.0.0/0, except: [${[...PRIVATE, ...SPECIAL]}] } }, { ipBlock: { cidr: "2000::/3", except: ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"] } }] }`;

/** Four processes with the policies that they need and no more. */
const MANIFESTS = parseManifests(
  [
    deployment("gateway", "http", 8080),
    deployment("worker", "metrics", 9464),
    deployment("courier", "metrics", 9464),
    deployment("redis", "redis", 6379),
    policy("gateway", "[{ ports: [{ port: http }] }]", `[${DNS}, ${REDIS}, ${S3}]`),
    policy("worker", `[{ ports: [{ port: metrics }], ${METRICS_FROM} }]`, `[${DNS}, ${REDIS}, ${S3}]`),
    policy("courier", `[{ ports: [{ port: metrics }], ${METRICS_FROM} }]`, `[${DNS}, ${REDIS}, ${INTERNET}]`),
    policy(
      "redis",
      "[{ ports: [{ port: redis }], from: [{ podSelector: { matchExpressions: [{ key: app.kubernetes.io/component, operator: In, values: [gateway, worker, courier] }] } }] }]",
      "[]",
    ),
  ].join("\n---\n"),
);

const at = (component: string) => `NetworkPolicy/${component}`;
const anywhere = [{}];
const FAULTS: Readonly<Record<string, readonly Omit<Plant, "rule">[]>> = {
  "every pod is closed but for what a policy opens": [
    { at: at("courier"), field: "spec|policyTypes", value: ["Ingress"] },
    { at: at("redis"), field: "spec|podSelector|matchLabels|app.kubernetes.io/component", value: "cache" },
  ],
  "strangers reach no port but the gateway's": [
    { at: at("worker"), field: "spec|ingress|0|from", value: undefined },
    { at: at("redis"), field: "spec|ingress|0|from|0", value: { namespaceSelector: {} } },
  ],
  "Prometheus reaches the metrics": [
    { at: at("worker"), field: "spec|ingress", value: [] },
    { at: at("courier"), field: "spec|ingress|0|ports|0|port", value: 9465 },
  ],
  "every process finds names": [
    { at: at("gateway"), field: "spec|egress|0|ports|0|protocol", value: "TCP" },
    { at: at("worker"), field: "spec|egress|0|to|0|namespaceSelector", value: undefined },
  ],
  "every process reaches its Redis": [
    { at: at("courier"), field: "spec|egress|1|ports|0|port", value: 6380 },
    {
      at: at("redis"),
      field: "spec|ingress|0|from|0|podSelector|matchExpressions|0|values",
      value: ["gateway"],
    },
  ],
  "a bundled Redis calls nobody and answers the farm alone": [
    { at: at("redis"), field: "spec|egress", value: anywhere },
    { at: at("redis"), field: "spec|ingress|0|from|0", value: { podSelector: {} } },
  ],
  "gateways and workers with a bucket reach it": [
    { at: at("worker"), field: "spec|egress|2|to", value: [{ ipBlock: { cidr: "10.0.0.0/8" } }] },
  ],
  "workers reach the machine's metadata where they heed its notices, and nowhere else": [
    { at: at("worker"), field: "spec|egress|3", value: METADATA_RULE },
    {
      at: "Deployment/worker",
      field: "spec|template|spec|containers|0|env|1",
      value: { name: "FARM_SPOT", value: "aws" },
    },
  ],
  "couriers reach the internet": [
    { at: at("courier"), field: "spec|egress|2|ports|0|port", value: 80 },
    { at: at("courier"), field: "spec|egress|2|to|1", value: { ipBlock: { cidr: "2600::/128" } } },
  ],
  "couriers reach no address that their own guard refuses": [
    ...[...PRIVATE, ...SPECIAL].map((cidr) => ({
      at: at("courier"),
      field: "spec|egress|2|to|0|ipBlock|except",
      value: [...PRIVATE, ...SPECIAL].filter((other) => other !== cidr),
    })),
    { at: at("courier"), field: "spec|egress|2|to|1|ipBlock|cidr", value: "::/0" },
    { at: at("courier"), field: "spec|egress|2|to|1|ipBlock|except", value: [] },
  ],
  "couriers reach no pod but their Redis": [
    { at: at("courier"), field: "spec|egress|2|to", value: [{ namespaceSelector: {} }] },
    { at: at("courier"), field: "spec|egress|2|to", value: undefined },
  ],
};

const farmOf = (manifests: typeof MANIFESTS) => toFarm(manifests, [], "0.1.0");

describe("NETWORK_RULES", () => {
  it("find nothing where each process reaches what it needs", () => {
    expect(judge(NETWORK_RULES, farmOf(MANIFESTS))).toEqual([]);
  });

  it("each have a planted fault", () => {
    expect(Object.keys(FAULTS).sort()).toEqual(NETWORK_RULES.map(({ name }) => name).sort());
  });

  const plants = Object.entries(FAULTS).flatMap(([rule, faults]) =>
    faults.map((fault) => ({ rule, ...fault })),
  );
  it.each(plants)("$rule: finds $value at $field of $at", (fault) => {
    const rule = NETWORK_RULES.find(({ name }) => name === fault.rule);
    expect(rule?.check(farmOf(plant(MANIFESTS, fault))).length).toBeGreaterThan(0);
  });

  it("sampleAddresses() has hosts of every range", () => {
    expect(sampleAddresses()).toEqual(
      expect.arrayContaining(["10.0.1.1", "169.254.169.254", "fd00:ec2::254", "fe80::1"]),
    );
  });
});

describe("isAllowed()", () => {
  const pods = workloadsOf(MANIFESTS).map((workload) => podPeer(workload, "farm"));
  const [gateway, worker] = pods;
  if (gateway === undefined || worker === undefined) throw new Error("Cannot test: there are no pods");

  it("leaves a pod open that no policy takes", () => {
    expect(isAllowed([], { from: gateway, to: worker, port: 1 })).toBe(true);
  });

  it("reads ranges of ports, and takes Ingress alone where a policy has no types", () => {
    const head = { kind: "NetworkPolicy", apiVersion: "networking.k8s.io/v1", metadata: { name: "a" } };
    const policies = parseManifests(
      JSON.stringify({
        ...head,
        spec: { podSelector: {}, ingress: [{ ports: [{ port: 100, endPort: 200 }] }] },
      }),
    );
    const reaches = (port: number) => isAllowed(policies, { from: gateway, to: worker, port });
    expect([99, 100, 200, 201].map(reaches)).toEqual([false, true, true, false]);
    expect(isAllowed(policies, { from: gateway, to: { address: "8.8.8.8" }, port: 1 })).toBe(true);
  });
});
