import { request } from "node:https";
import type { Manifest } from "../helm/manifest.js";
import { asRecord, digText, type Tree } from "../helm/tree.js";

/** An answer is given within milliseconds; the first ones while it starts take longer. */
const ANSWER_MS_MAX = 30_000;
/** A name of every API server, which its certificate is for. */
const SERVER_NAME = "kubernetes.default.svc";

/** What the API server said. */
export interface Answer {
  readonly status: number;
  readonly body: Tree;
  /** What it warned of, such as a pod that a profile would not admit. */
  readonly warnings: readonly string[];
}

/** Calls an API server as one user. */
export interface ClusterClient {
  get(path: string): Promise<Answer>;
  post(path: string, body: unknown): Promise<Answer>;
  delete(path: string): Promise<Answer>;
  /** A patch of the given kind: "merge-patch+json", "strategic-merge-patch+json" or "json-patch+json". */
  patch(path: string, body: unknown, kind?: string): Promise<Answer>;
  /** Server-side apply, which refuses fields that it does not know. */
  apply(manifest: Manifest, namespace: string): Promise<Answer>;
}

/** Where the server is, whom it trusts, and as whom to call. */
export interface ClusterAccess {
  readonly url: string;
  readonly ca: string;
  readonly token: string;
}

/** Kinds whose name in a path is not their plural by rule, and those of the whole cluster. */
const PLURALS: Readonly<Record<string, string>> = {
  NetworkPolicy: "networkpolicies",
  Ingress: "ingresses",
  ValidatingAdmissionPolicy: "validatingadmissionpolicies",
  PriorityClass: "priorityclasses",
};
const CLUSTER_KINDS = [
  "CustomResourceDefinition",
  "Namespace",
  "PriorityClass",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
];

/** The path of an object. */
export function pathOf({ apiVersion, kind, name }: Manifest, namespace: string): string {
  const plural = PLURALS[kind] ?? `${kind.toLowerCase()}s`;
  const space = CLUSTER_KINDS.includes(kind) ? "" : `/namespaces/${namespace}`;
  return `${apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`}${space}/${plural}/${name}`;
}

/** A client of an API server; TLS is checked against the certificate that the server has made. */
export function createClusterClient(access: ClusterAccess): ClusterClient {
  const call = (method: string, path: string, body?: unknown, type = "application/json") =>
    send({ access, method, path, type, body });
  return {
    get: (path) => call("GET", path),
    post: (path, body) => call("POST", path, body),
    delete: (path) => call("DELETE", path),
    patch: (path, body, kind = "merge-patch+json") => call("PATCH", path, body, `application/${kind}`),
    apply(manifest, namespace) {
      const query = "fieldManager=farm&fieldValidation=Strict&force=true";
      const path = `${pathOf(manifest, namespace)}?${query}`;
      return call("PATCH", path, manifest.body, "application/apply-patch+yaml");
    },
  };
}

interface Call {
  readonly access: ClusterAccess;
  readonly method: string;
  readonly path: string;
  readonly type: string;
  readonly body: unknown;
}

function send({ access, method, path, type, body }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${access.token}`,
      "content-type": type,
      accept: "application/json",
    };
    // The name that the certificate is checked against.
    const options = { method, headers, ca: access.ca, servername: SERVER_NAME, timeout: ANSWER_MS_MAX };
    const outgoing = request(`${access.url}${path}`, options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        const warning = answer.headers.warning;
        resolve({
          status: answer.statusCode ?? 0,
          body: text.startsWith("{") ? asRecord(JSON.parse(text)) : { text },
          warnings: warning === undefined ? [] : [String(warning)],
        });
      });
    });
    outgoing.on("error", reject);
    outgoing.on("timeout", () => outgoing.destroy(new Error(`Cannot call ${path}: no answer`)));
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** An answer in a line: the status, and the server's reason where there is one. */
export function tell({ status, body, warnings }: Answer): string {
  return [String(status), digText(body, "message"), ...warnings].filter((part) => part !== "").join(" ");
}
