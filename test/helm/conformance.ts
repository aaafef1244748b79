import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parse } from "yaml";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { findChartTool } from "./render-chart.js";
import { asList, asRecord, asText, dig, digList, digText, type Tree } from "./tree.js";

/** Where make-schemas.ts writes. */
const SCHEMAS = path.join(REPOSITORY_ROOT, "test", "helm", "schemas");
/** Kubeconform's names for the parts of an object's kind; "v1" stands for the core group. */
const FILE_NAMES = "{{.Group}}_{{.ResourceAPIVersion}}_{{.ResourceKind}}.json";
/** Bytes of kubeconform's report: a line for each of some thousand objects. */
const REPORT_BYTES_MAX = 64 * 1024 * 1024;

const OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
/** An integer or a string, as ports and amounts of memory are written. */
const TEXT_OR_NUMBER = { type: ["string", "number"] };
/** Types that Kubernetes describes as strings and takes as numbers too. */
const TEXT_OR_NUMBER_TYPES = [
  "io.k8s.apimachinery.pkg.api.resource.Quantity",
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
];
/** Parts of a schema whose own fields are not all that an object may have. */
const PARTIAL = ["allOf", "anyOf", "oneOf", "not"];

/** Reads a definition of a custom resource. */
export function readCustomResources(): readonly Tree[] {
  const folder = path.join(SCHEMAS, "custom");
  return readdirSync(folder).map((name) => asRecord(parse(readFileSync(path.join(folder, name), "utf8"))));
}

/**
 * Writes the schemas in kubeconform's form, one file for each kind: a field that Kubernetes does not know is wrong there,
 * though an API server only drops it.
 */
export function writeSchemas(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const definitions = asRecord(parse(readFileSync(path.join(SCHEMAS, "kubernetes.yaml"), "utf8")));
  const strict = Object.fromEntries(
    Object.entries(definitions).map(([name, schema]) => [
      name,
      TEXT_OR_NUMBER_TYPES.includes(name) ? TEXT_OR_NUMBER : withoutOtherFields(schema),
    ]),
  );
  const write = (kind: Kind, schema: Tree) =>
    writeFileSync(path.join(folder, fileName(kind)), JSON.stringify({ ...schema, definitions: strict }));
  for (const [name, schema] of Object.entries(definitions)) {
    for (const one of digList(schema, "x-kubernetes-group-version-kind")) {
      const kind = {
        group: digText(one, "group"),
        version: digText(one, "version"),
        kind: digText(one, "kind"),
      };
      write(kind, rootSchema(kind, asRecord(strict[name])));
    }
  }
  for (const resource of readCustomResources()) {
    for (const version of digList(resource, "spec.versions")) {
      const kind = {
        group: digText(resource, "spec.group"),
        version: digText(version, "name"),
        kind: digText(resource, "spec.names.kind"),
      };
      write(kind, rootSchema(kind, withoutOtherFields(dig(version, "schema.openAPIV3Schema"))));
    }
  }
}

/** A kind with its group (empty for the core) and version. */
interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

function fileName({ group, version, kind }: Kind): string {
  return `${group === "" ? version : group}_${version}_${kind.toLowerCase()}.json`;
}

/** A schema that also insists on its kind, and on the fields that every object has. */
function rootSchema({ group, version, kind }: Kind, schema: Tree): Tree {
  const apiVersion = group === "" ? version : `${group}/${version}`;
  return {
    ...schema,
    properties: {
      ...asRecord(schema.properties),
      apiVersion: { const: apiVersion },
      kind: { const: kind },
      metadata: { $ref: `#/definitions/${OBJECT_META}` },
    },
    required: [...new Set([...asList(schema.required), "apiVersion", "kind", "metadata"])],
  };
}

/** A schema of Kubernetes as JSON Schema that takes no field which it does not name. */
function withoutOtherFields(schema: unknown, isPartial = false): Tree {
  const node = asRecord(schema);
  if (node["x-kubernetes-int-or-string"] === true) return TEXT_OR_NUMBER;
  const isOpen =
    node["x-kubernetes-preserve-unknown-fields"] === true || node.additionalProperties !== undefined;
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(node)) {
    if (key.startsWith("x-kubernetes-") || key === "nullable") continue;
    if (key === "properties") result[key] = mapFields(value, isPartial);
    else if (PARTIAL.includes(key)) result[key] = partsOf(value);
    else if (key === "items" || key === "additionalProperties")
      result[key] = typeof value === "boolean" ? value : withoutOtherFields(value, isPartial);
    else result[key] = value;
  }
  if (node.nullable === true) result.type = [asText(node.type), "null"];
  if (node.properties !== undefined && !isOpen && !isPartial) result.additionalProperties = false;
  return result;
}

function mapFields(fields: unknown, isPartial: boolean): Tree {
  return Object.fromEntries(
    Object.entries(asRecord(fields)).map(([name, field]) => [name, withoutOtherFields(field, isPartial)]),
  );
}

function partsOf(parts: unknown): unknown {
  return Array.isArray(parts)
    ? parts.map((part) => withoutOtherFields(part, true))
    : withoutOtherFields(parts, true);
}

/** What kubeconform found wrong, one line each: the object, and the field with the reason. */
export interface ConformanceReport {
  readonly checked: number;
  readonly problems: readonly string[];
}

/** Holds manifests against the schemas; an object of a kind without one is a problem too. */
export function checkConformance(texts: readonly string[]): ConformanceReport {
  const folder = mkdtempSync(path.join(tmpdir(), "farm-schemas-"));
  try {
    return runKubeconform(folder, texts);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runKubeconform(folder: string, texts: readonly string[]): ConformanceReport {
  const schemas = path.join(folder, "schemas");
  const manifests = path.join(folder, "manifests");
  writeSchemas(schemas);
  mkdirSync(manifests);
  texts.forEach((text, index) => {
    writeFileSync(path.join(manifests, `${index}.yaml`), text);
  });
  const { stdout, stderr } = spawnSync(
    findChartTool("kubeconform") ?? "kubeconform",
    [
      ...["-strict", "-output", "json", "-verbose"],
      ...["-schema-location", path.join(schemas, FILE_NAMES), manifests],
    ],
    { encoding: "utf8", maxBuffer: REPORT_BYTES_MAX },
  );
  const resources = digList(stdout === "" ? {} : JSON.parse(stdout), "resources");
  if (resources.length === 0) throw new Error(`Cannot hold manifests against schemas: ${stderr}`);
  return {
    checked: resources.length,
    problems: resources.filter((one) => digText(one, "status") !== "statusValid").map(describeProblem),
  };
}

/** Kubeconform's list of errors ends at the first reference; its message tells the leaves, after the schema's name. */
function describeProblem(resource: unknown): string {
  const text = digText(resource, "msg").replace(/^.*?json#' - (?=at )/s, "");
  return `${digText(resource, "kind")}/${digText(resource, "name")}: ${text}`;
}
