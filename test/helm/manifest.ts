import { parseAllDocuments } from "yaml";
import { asRecord, asText, dig, digList, digStrings, digText, type Tree } from "./tree.js";

/** One object that a chart renders. */
export interface Manifest {
  readonly kind: string;
  readonly apiVersion: string;
  readonly name: string;
  /** The template that wrote it, as helm tells in a comment; empty where it tells none. */
  readonly template: string;
  readonly body: Tree;
}

/** A container of a pod, or one that runs before the others. */
export interface Container {
  readonly name: string;
  /** A sidecar is one that starts before the others and stays. */
  readonly role: "main" | "init" | "sidecar";
  readonly body: Tree;
}

/** A pod as a workload's template describes it. */
export interface Workload {
  readonly manifest: Manifest;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The pod's spec. */
  readonly pod: Tree;
  readonly containers: readonly Container[];
}

/** Where each kind keeps its pod. */
const POD_PATHS: Readonly<Record<string, string>> = {
  Deployment: "spec.template",
  StatefulSet: "spec.template",
  DaemonSet: "spec.template",
  Job: "spec.template",
  CronJob: "spec.jobTemplate.spec.template",
};

/**
 * Reads a stream of manifests as Kubernetes does: YAML 1.1, in which `yes` is a boolean and a key that stands twice is
 * an error.
 * @throws {Error} the text is no YAML, or an object has no kind or name
 */
export function parseManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text, { version: "1.1" }).flatMap((document) => {
    const problem = document.errors[0];
    if (problem) throw new Error(`Cannot read a manifest as YAML: ${problem.message}`);
    const body = asRecord(document.toJS());
    if (Object.keys(body).length === 0) return [];
    const comment = `${document.commentBefore ?? ""}\n${document.contents?.commentBefore ?? ""}`;
    return [toManifest(body, /^\s*Source: (\S+)/m.exec(comment)?.[1])];
  });
}

/** An object with its kind and name read out. */
export function toManifest(body: Tree, template = ""): Manifest {
  const kind = asText(body.kind);
  const name = asText(dig(body, "metadata.name"));
  if (kind === undefined || name === undefined)
    throw new Error(`Cannot read a manifest of ${template}: kind is ${kind}, name is ${name}`);
  return { kind, apiVersion: digText(body, "apiVersion"), name, template, body };
}

/** "Deployment/farm-gateway". */
export function nameOf({ kind, name }: Pick<Manifest, "kind" | "name">): string {
  return `${kind}/${name}`;
}

/** The pods of the workloads among some objects. */
export function workloadsOf(manifests: readonly Manifest[]): readonly Workload[] {
  return manifests.flatMap((manifest) => {
    const at = POD_PATHS[manifest.kind];
    if (at === undefined) return [];
    const template = dig(manifest.body, at);
    const pod = asRecord(dig(template, "spec"));
    return [
      {
        manifest,
        labels: digStrings(template, "metadata.labels"),
        annotations: digStrings(template, "metadata.annotations"),
        pod,
        containers: containersOf(pod),
      },
    ];
  });
}

function containersOf(pod: Tree): readonly Container[] {
  const read = (item: unknown, isInit: boolean): Container => {
    const body = asRecord(item);
    const role = !isInit ? "main" : body.restartPolicy === "Always" ? "sidecar" : "init";
    return { name: digText(body, "name"), role, body };
  };
  return [
    ...digList(pod, "initContainers").map((item) => read(item, true)),
    ...digList(pod, "containers").map((item) => read(item, false)),
  ];
}

/** Whether a label selector takes some labels. Source: kubernetes.io, "Labels and Selectors". */
export function selects(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  const equal = Object.entries(asRecord(dig(selector, "matchLabels"))).every(
    ([key, value]) => labels[key] === value,
  );
  return equal && digList(selector, "matchExpressions").every((one) => meets(one, labels));
}

function meets(expression: unknown, labels: Readonly<Record<string, string>>): boolean {
  const value = labels[digText(expression, "key")];
  const isNamed = value !== undefined && digList(expression, "values").includes(value);
  switch (digText(expression, "operator")) {
    case "In":
      return isNamed;
    case "NotIn":
      return !isNamed;
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return false;
  }
}
