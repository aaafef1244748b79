import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PodIdentity } from "../pod/patch-pod.js";
import { API_CERTIFICATE, API_KEY, CLUSTER_CA } from "./cluster-identity.js";

/** A call as the API server saw it. */
export interface SeenCall {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** A Kubernetes API server that knows one pod and one token, over TLS with an authority of its own. */
export interface FakeCluster extends AsyncDisposable {
  readonly pod: PodIdentity;
  readonly calls: readonly SeenCall[];
  /** Has calls answered so from now on; undefined answers as a good server does. */
  answer(how: ((response: ServerResponse) => void) | undefined): void;
  /** The token that is good from now on, and that the kubelet has put there. */
  rotate(token: string): Promise<void>;
  /** Puts a file of the service account. */
  put(name: "token" | "ca.crt", text: string): Promise<void>;
}

/** Starts a cluster on this machine. */
export async function startFakeCluster(): Promise<FakeCluster> {
  const accountDir = await mkdtemp(join(tmpdir(), "latentfarm-account-"));
  const calls: SeenCall[] = [];
  let good = "";
  let how: ((response: ServerResponse) => void) | undefined;
  const server = createServer({ cert: API_CERTIFICATE, key: API_KEY }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      const { method, url: path, headers } = request;
      calls.push({ method, path, headers, body: JSON.parse(Buffer.concat(chunks).toString()) });
      if (how !== undefined) return how(response);
      const isKnown = headers.authorization === `Bearer ${good}`;
      // A pod as large as those that the API sends back.
      response.writeHead(isKnown ? 200 : 401).end(JSON.stringify({ filler: "x".repeat(100_000) }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const apiPort = address !== null && typeof address === "object" ? address.port : 0;
  const put: FakeCluster["put"] = (name, text) => writeFile(join(accountDir, name), text);
  const rotate: FakeCluster["rotate"] = async (token) => {
    good = token;
    await put("token", `${token}\n`);
  };
  await put("ca.crt", CLUSTER_CA);
  await rotate("token-1");
  return {
    pod: { name: "worker-l4-0", namespace: "farm", apiHost: "127.0.0.1", apiPort, accountDir },
    calls,
    answer: (next) => {
      how = next;
    },
    rotate,
    put,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await rm(accountDir, { recursive: true, force: true });
    },
  };
}
