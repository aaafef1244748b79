import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";

/** The pod that this worker runs in, and how its cluster's API is reached. */
export interface PodIdentity {
  readonly name: string;
  readonly namespace: string;
  readonly apiHost: string;
  readonly apiPort: number;
  /** The folder of the service account's `token` and `ca.crt`. */
  readonly accountDir: string;
}

/**
 * How an update ended. `refused`: this account may not, or there is no such pod. `conflict`: another write came between.
 * `busy`: the server asks for fewer calls. `away`: it does not answer, or not as it should.
 */
export interface PatchResult {
  readonly outcome: "updated" | "refused" | "conflict" | "busy" | "away";
  /** Why, in a few words; empty when it is updated. */
  readonly reason: string;
  /** Milliseconds that the server asks to wait. */
  readonly retryAfterMs?: number;
}

/** Milliseconds of one call: the API server is in the same cluster, and what it does not answer in this time is no loss. */
const CALL_MS_MAX = 3_000;
/** Characters of a token: projected ones have some 1,200. */
const TOKEN_CHARS_MAX = 16_384;
const MS_PER_SECOND = 1_000;

/** The annotation. Source: kubernetes.io, "ReplicaSet", Pod deletion cost. */
const ANNOTATION = "controller.kubernetes.io/pod-deletion-cost";

const HTTP = { ok: 200, unauthorized: 401, conflict: 409, tooMany: 429, internal: 500 } as const;

/**
 * Writes the pod's own deletion cost by one PATCH that names nothing else. Token and certificate are read anew each time,
 * since the kubelet replaces them; neither ever stands in a reason. Never rejects.
 */
export async function patchDeletionCost(
  pod: PodIdentity,
  cost: number,
  signal: AbortSignal,
): Promise<PatchResult> {
  try {
    const [token, ca] = await Promise.all([
      readFile(join(pod.accountDir, "token"), "utf8"),
      readFile(join(pod.accountDir, "ca.crt"), "utf8"),
    ]);
    if (token.length > TOKEN_CHARS_MAX) return { outcome: "away", reason: "the token is too long" };
    const body = JSON.stringify({ metadata: { annotations: { [ANNOTATION]: String(cost) } } });
    const ends = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS_MAX)]);
    return describeAnswer(await send(pod, { token: token.trim(), ca, body }, ends));
  } catch (error) {
    const named = error instanceof Error && "code" in error ? String(error.code) : undefined;
    return { outcome: "away", reason: named ?? (error instanceof Error ? error.name : "unknown") };
  }
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

function send(
  { apiHost, apiPort, namespace, name }: PodIdentity,
  call: { readonly token: string; readonly ca: string; readonly body: string },
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: apiHost,
        port: apiPort,
        path: `/api/v1/namespaces/${namespace}/pods/${name}`,
        method: "PATCH",
        ca: call.ca,
        // A call a minute is not worth a connection that is kept.
        agent: false,
        signal,
        headers: {
          Authorization: `Bearer ${call.token}`,
          "Content-Type": "application/merge-patch+json",
          "Content-Length": Buffer.byteLength(call.body),
          Accept: "application/json",
          "User-Agent": "latentfarm-worker",
        },
      },
      (incoming) => {
        // The whole pod is sent back, which nobody reads.
        incoming.destroy();
        resolve({ status: incoming.statusCode ?? 0, retryAfter: incoming.headers["retry-after"] });
      },
    );
    outgoing.once("error", reject);
    outgoing.end(call.body);
  });
}

function describeAnswer({ status, retryAfter }: Answer): PatchResult {
  const reason = `status is ${status}`;
  const seconds = /^\d{1,5}$/.test(retryAfter ?? "") ? Number(retryAfter) : undefined;
  const wait = seconds === undefined ? {} : { retryAfterMs: seconds * MS_PER_SECOND };
  if (status === HTTP.ok) return { outcome: "updated", reason: "" };
  if (status === HTTP.conflict) return { outcome: "conflict", reason };
  if (status === HTTP.tooMany) return { outcome: "busy", reason, ...wait };
  const isRefusal = status >= HTTP.unauthorized && status < HTTP.internal;
  return { outcome: isRefusal ? "refused" : "away", reason, ...wait };
}
