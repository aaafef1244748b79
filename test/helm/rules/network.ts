import { guardAddress, STRICT_POLICY } from "@latentfarm/webhooks";
import { nameOf, type Workload } from "../manifest.js";
import { dig, digList, digText, stringsBelow } from "../tree.js";
import { type Attempt, isAllowed, type Peer, podPeer, policiesOn } from "./network-policy.js";
import { type Farm, ofKind, type Rule } from "./rule.js";

const NAMESPACE = "farm";
/** A host of the internet, of either kind. */
const PUBLIC: readonly string[] = ["8.8.8.8", "2606:4700:4700::1111"];
/** Where the default values have Prometheus and the cluster's DNS. */
const PROMETHEUS: Peer = elsewhere("monitoring", { "app.kubernetes.io/name": "prometheus" });
const DNS: Peer = elsewhere("kube-system", { "k8s-app": "kube-dns" });
const STRANGER: Peer = elsewhere("games", { app: "stranger" });
/** Where a machine of AWS answers. */
const METADATA = { address: "169.254.169.254" } as const;
const METADATA_BLOCK = "169.254.169.254/32";
const REDIS_PORT = 6379;
/** Ports on which something inside may listen that a webhook must not reach. */
const INSIDE_PORTS = [80, 443, 8080, 8443] as const;

function elsewhere(namespace: string, labels: Readonly<Record<string, string>>): Peer {
  return { labels, namespace: { "kubernetes.io/metadata.name": namespace }, isOwn: false, ports: {} };
}

/** The component that a pod is of. */
function componentOf({ labels }: Workload): string {
  return labels["app.kubernetes.io/component"] ?? "";
}

function ofComponent(farm: Farm, ...names: readonly string[]): readonly Workload[] {
  return farm.workloads.filter((workload) => names.includes(componentOf(workload)));
}

function peerOf(workload: Workload): Peer {
  return podPeer(workload, NAMESPACE);
}

/** Whether the farm's policies let a connection through. */
function lets(farm: Farm, attempt: Attempt): boolean {
  return isAllowed(ofKind(farm, "NetworkPolicy"), attempt);
}

/** The ports of a workload's pods. */
function portsOf(workload: Workload): readonly (readonly [name: string, port: number])[] {
  const peer = peerOf(workload);
  return "ports" in peer ? Object.entries(peer.ports) : [];
}

/** The first address of each block that a policy names. */
function blocksOf(farm: Farm): readonly string[] {
  return ofKind(farm, "NetworkPolicy").flatMap(({ body }) =>
    stringsBelow(body).flatMap(([path, text]) => (path.endsWith(".cidr") ? [text.replace(/\/.*$/, "")] : [])),
  );
}

/** Second bytes at which special ranges begin and end, with their neighbours. */
const EDGES = [
  0, 1, 15, 16, 17, 18, 19, 20, 31, 32, 51, 63, 64, 88, 100, 127, 128, 168, 169, 254, 255,
] as const;

/** Hosts of IPv4 by their first bytes, finer where special ranges are small, and of IPv6 by their first bits. */
export function sampleAddresses(): readonly string[] {
  const bytes = Array.from({ length: 256 }, (_, index) => index);
  const mixed = ["192.0", "192.88", "198.51", "203.0", "168.63"];
  const all = [
    ...bytes.flatMap((a) => EDGES.map((b) => `${a}.${b}.1.1`)),
    ...mixed.flatMap((head) => bytes.map((c) => `${head}.${c}.16`)),
    ...["169.254.169.254", "192.0.0.192"],
    ...bytes.flatMap((a) => [0, 1, 2, 128, 255].map((b) => `${(a * 256 + b).toString(16)}::1`)),
    ...["2001:2::1", "2001:1::9", "2001:200::1", "2001:db8::1", "3fff::1", "3fff:1000::1", "fd00:ec2::254"],
  ];
  return [...new Set(all)];
}

/** Addresses of the sample that a webhook must not go to, as the courier's own guard says; worked out once. */
let insideOnce: readonly string[] | undefined;

function insideAddresses(): readonly string[] {
  insideOnce ??= sampleAddresses().filter(
    (address) => guardAddress(address, STRICT_POLICY, () => new Set()) !== undefined,
  );
  return insideOnce;
}

/** What the processes of a farm may reach. They hold where network policies are on, with the default peers. */
export const NETWORK_RULES: readonly Rule[] = [
  {
    name: "every pod is closed but for what a policy opens",
    check: (farm) =>
      farm.workloads.flatMap((workload) =>
        (["Ingress", "Egress"] as const)
          .filter(
            (direction) =>
              policiesOn(ofKind(farm, "NetworkPolicy"), peerOf(workload), direction).length === 0,
          )
          .map((direction) => `${nameOf(workload.manifest)} is open: ${direction}`),
      ),
  },
  {
    name: "strangers reach no port but the gateway's",
    check: (farm) =>
      farm.workloads.flatMap((workload) =>
        portsOf(workload)
          .filter(([name]) => !(componentOf(workload) === "gateway" && name === "http"))
          .filter(([, port]) => lets(farm, { from: STRANGER, to: peerOf(workload), port }))
          .map(([name]) => `${nameOf(workload.manifest)}: ${name}`),
      ),
  },
  {
    name: "Prometheus reaches the metrics",
    check: (farm) =>
      ofComponent(farm, "gateway", "worker", "courier").flatMap((workload) =>
        portsOf(workload)
          .filter(([, port]) => !lets(farm, { from: PROMETHEUS, to: peerOf(workload), port }))
          .map(([name]) => `${nameOf(workload.manifest)}: ${name}`),
      ),
  },
  {
    name: "every process finds names",
    check: (farm) =>
      farm.workloads
        .filter((workload) => componentOf(workload) !== "redis")
        .filter(
          (workload) =>
            !(["UDP", "TCP"] as const).every((protocol) =>
              lets(farm, { from: peerOf(workload), to: DNS, port: 53, protocol }),
            ),
        )
        .map(({ manifest }) => nameOf(manifest)),
  },
  {
    // Of a Redis elsewhere only the policies know the place: one of their blocks, or anywhere.
    name: "every process reaches its Redis",
    check: (farm) => {
      const own = ofComponent(farm, "redis").map(peerOf);
      const targets =
        own.length > 0 ? own : [...PUBLIC, ...blocksOf(farm)].map((address): Peer => ({ address }));
      return ofComponent(farm, "gateway", "worker", "courier")
        .filter((one) => !targets.some((to) => lets(farm, { from: peerOf(one), to, port: REDIS_PORT })))
        .map(({ manifest }) => nameOf(manifest));
    },
  },
  {
    name: "a bundled Redis calls nobody and answers the farm alone",
    check: (farm) =>
      ofComponent(farm, "redis").flatMap((redis) => {
        const calls = [DNS, ...PUBLIC.map((address): Peer => ({ address }))].some((to) =>
          [53, 443].some((port) => lets(farm, { from: peerOf(redis), to, port })),
        );
        const neighbour: Peer = { labels: { app: "x" }, namespace: {}, isOwn: true, ports: {} };
        const answers = [STRANGER, PROMETHEUS, neighbour].some((from) =>
          lets(farm, { from, to: peerOf(redis), port: REDIS_PORT }),
        );
        return [
          ...(calls ? [`${nameOf(redis.manifest)} may call others`] : []),
          ...(answers ? [`${nameOf(redis.manifest)} answers others`] : []),
        ];
      }),
  },
  {
    name: "gateways and workers with a bucket reach it",
    check: (farm) =>
      ofComponent(farm, "gateway", "worker")
        .filter(({ containers }) =>
          containers.some(({ body }) => JSON.stringify(body.env ?? []).includes('"FARM_S3_BUCKET"')),
        )
        .filter(
          (one) => !PUBLIC.every((address) => lets(farm, { from: peerOf(one), to: { address }, port: 443 })),
        )
        .map(({ manifest }) => nameOf(manifest)),
  },
  {
    // Whoever may ask it gets the machine's role. The values open it to all workers where that is wanted.
    name: "workers reach the machine's metadata where they heed its notices, and nowhere else",
    check: (farm) =>
      ofComponent(farm, "worker").flatMap((worker) => {
        const isHeeding = worker.containers.some(({ body }) =>
          digList(body, "env").some(
            (one) => digText(one, "name") === "FARM_SPOT" && dig(one, "value") === "aws",
          ),
        );
        const isOpen = lets(farm, { from: peerOf(worker), to: METADATA, port: 80 });
        const isGiven = farm.given.has(METADATA_BLOCK);
        if (isOpen === (isHeeding || isGiven)) return [];
        return [`${nameOf(worker.manifest)} ${isOpen ? "reaches it" : "does not reach it"}`];
      }),
  },
  {
    name: "couriers reach the internet",
    check: (farm) =>
      ofComponent(farm, "courier")
        .filter(
          (one) => !PUBLIC.every((address) => lets(farm, { from: peerOf(one), to: { address }, port: 443 })),
        )
        .map(({ manifest }) => nameOf(manifest)),
  },
  {
    name: "couriers reach no address that their own guard refuses",
    check: (farm) =>
      ofComponent(farm, "courier").flatMap((courier) => {
        const reached = insideAddresses().filter((address) =>
          lets(farm, { from: peerOf(courier), to: { address }, port: 443 }),
        );
        return reached.length > 0 ? [`${nameOf(courier.manifest)} reaches ${reached.slice(0, 5)}`] : [];
      }),
  },
  {
    name: "couriers reach no pod but their Redis",
    check: (farm) =>
      ofComponent(farm, "courier").flatMap((courier) => {
        const others = farm.workloads.filter((one) => componentOf(one) !== "redis").map(peerOf);
        const reached = [STRANGER, PROMETHEUS, ...others].filter((to) =>
          INSIDE_PORTS.some((port) => lets(farm, { from: peerOf(courier), to, port })),
        );
        return reached.length > 0
          ? [`${nameOf(courier.manifest)} reaches ${reached.length} kinds of pods`]
          : [];
      }),
  },
];
