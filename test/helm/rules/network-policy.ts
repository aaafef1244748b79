import { BlockList, isIPv6 } from "node:net";
import { type Manifest, selects, type Workload } from "../manifest.js";
import { asNumber, asText, dig, digList, digText } from "../tree.js";

/** An end of a connection: a pod with its namespace's labels, or an address outside the cluster. */
export type Peer =
  | {
      readonly labels: Readonly<Record<string, string>>;
      readonly namespace: Readonly<Record<string, string>>;
      /** True where the pod is of the policies' own namespace. */
      readonly isOwn: boolean;
      /** The pod's ports by their names. */
      readonly ports: Readonly<Record<string, number>>;
    }
  | { readonly address: string };

/** One connection that somebody tries. */
export interface Attempt {
  readonly from: Peer;
  readonly to: Peer;
  readonly port: number;
  readonly protocol?: "TCP" | "UDP";
}

/** The end of connections that a workload's pods are. */
export function podPeer({ labels, containers }: Workload, namespace: string): Peer {
  const ports = containers.flatMap(({ body }) =>
    digList(body, "ports").map((port) => [digText(port, "name"), asNumber(dig(port, "containerPort")) ?? 0]),
  );
  return {
    labels,
    namespace: { "kubernetes.io/metadata.name": namespace },
    isOwn: true,
    ports: Object.fromEntries(ports),
  };
}

/**
 * Whether network policies let a connection through: a pod that no policy takes is open, one that a policy takes is
 * closed but for what a rule of any such policy allows; both ends must agree. Source: kubernetes.io, "Network Policies".
 */
export function isAllowed(policies: readonly Manifest[], attempt: Attempt): boolean {
  return (
    sideAllows(policies, attempt, { direction: "Egress", own: attempt.from, other: attempt.to }) &&
    sideAllows(policies, attempt, { direction: "Ingress", own: attempt.to, other: attempt.from })
  );
}

/** The policies that close a pod in a direction. */
export function policiesOn(
  policies: readonly Manifest[],
  peer: Peer,
  direction: "Ingress" | "Egress",
): readonly Manifest[] {
  if ("address" in peer || !peer.isOwn) return [];
  return policies.filter(
    ({ body }) => typesOf(body).includes(direction) && selects(dig(body, "spec.podSelector"), peer.labels),
  );
}

interface Side {
  readonly direction: "Ingress" | "Egress";
  readonly own: Peer;
  readonly other: Peer;
}

function sideAllows(policies: readonly Manifest[], attempt: Attempt, side: Side): boolean {
  const [list, ends] = side.direction === "Egress" ? ["spec.egress", "to"] : ["spec.ingress", "from"];
  const closing = policiesOn(policies, side.own, side.direction);
  if (closing.length === 0) return true;
  return closing.some(({ body }) =>
    digList(body, list ?? "").some(
      (rule) =>
        takesPort(digList(rule, "ports"), attempt) && takesPeer(digList(rule, ends ?? ""), side.other),
    ),
  );
}

/** What a policy closes; without a word on it, Ingress and, where it has rules for it, Egress. */
function typesOf(policy: unknown): readonly unknown[] {
  const types = digList(policy, "spec.policyTypes");
  if (types.length > 0) return types;
  return dig(policy, "spec.egress") === undefined ? ["Ingress"] : ["Ingress", "Egress"];
}

function takesPort(ports: readonly unknown[], { to, port, protocol = "TCP" }: Attempt): boolean {
  if (ports.length === 0) return true;
  return ports.some((one) => {
    if ((asText(dig(one, "protocol")) ?? "TCP") !== protocol) return false;
    const given = dig(one, "port");
    if (given === undefined) return true;
    const first = typeof given === "string" && !("address" in to) ? to.ports[given] : asNumber(given);
    return first !== undefined && port >= first && port <= (asNumber(dig(one, "endPort")) ?? first);
  });
}

function takesPeer(peers: readonly unknown[], other: Peer): boolean {
  if (peers.length === 0) return true;
  return peers.some((one) => {
    const block = dig(one, "ipBlock");
    if ("address" in other) return block !== undefined && blockTakes(block, other.address);
    if (block !== undefined) return false;
    const spaces = dig(one, "namespaceSelector");
    const isPlace = spaces === undefined ? other.isOwn : selects(spaces, other.namespace);
    const pods = dig(one, "podSelector");
    return isPlace && (pods === undefined || selects(pods, other.labels));
  });
}

/** Lists of addresses by their text: a test asks thousands of addresses. */
const lists = new Map<string, BlockList>();

function blockTakes(block: unknown, address: string): boolean {
  const has = (cidrs: readonly unknown[]) =>
    cidrs.length > 0 && listOf(cidrs).check(address, isIPv6(address) ? "ipv6" : "ipv4");
  return has([dig(block, "cidr")]) && !has(digList(block, "except"));
}

function listOf(cidrs: readonly unknown[]): BlockList {
  const key = cidrs.join();
  const known = lists.get(key);
  if (known !== undefined) return known;
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = "", bits = ""] = String(cidr).split("/");
    list.addSubnet(network, Number(bits), isIPv6(network) ? "ipv6" : "ipv4");
  }
  lists.set(key, list);
  return list;
}
