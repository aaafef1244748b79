import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { nameOf, workloadsOf } from "../helm/manifest.js";
import { renderChart } from "../helm/render-chart.js";
import { dig, digText } from "../helm/tree.js";
import { withValues } from "../helm/value-sets.js";
import { createClusterClient, tell } from "./cluster-client.js";
import {
  eventually,
  inNamespace,
  isClusterAbsent,
  type LiveCluster,
  podOf,
  START_MS_MAX,
  startCluster,
} from "./live-cluster.js";

const COST = "controller.kubernetes.io/pod-deletion-cost";
const WORKER_ACCOUNT = "farm-latentfarm-worker";

let cluster: LiveCluster;
const space = "account";
const own = `/api/v1/namespaces/${space}/pods/own`;

/** A token that the server made for the worker's account, bound to a pod or to none. */
async function tokenOf(pod?: string): Promise<string> {
  const uid =
    pod === undefined
      ? undefined
      : dig((await cluster.admin.get(`/api/v1/namespaces/${space}/pods/${pod}`)).body, "metadata.uid");
  const boundObjectRef = pod === undefined ? undefined : { apiVersion: "v1", kind: "Pod", name: pod, uid };
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { boundObjectRef } };
  const answer = await cluster.admin.post(
    `/api/v1/namespaces/${space}/serviceaccounts/${WORKER_ACCOUNT}/token`,
    body,
  );
  return digText(answer.body, "status.token");
}

/** A client that shows such a token. */
async function asWorker(pod?: string) {
  return createClusterClient({ url: cluster.url, ca: cluster.ca, token: await tokenOf(pod) });
}

/** Runs the worker's own call in a process of its own, with the account of `pod`, upon the pod `name`. */
async function runWorkersCall(pod: string, name: string): Promise<unknown> {
  const accountDir = mkdtempSync(path.join(tmpdir(), "farm-account-"));
  try {
    writeFileSync(path.join(accountDir, "token"), await tokenOf(pod), { mode: 0o600 });
    copyFileSync(cluster.caFile, path.join(accountDir, "ca.crt"));
    const { hostname: apiHost, port } = new URL(cluster.url);
    const identity = { name, namespace: space, apiHost, apiPort: Number(port), accountDir };
    const module = pathToFileURL(path.join(REPOSITORY_ROOT, "apps", "worker", "dist", "pod", "patch-pod.js"));
    const script = `import { patchDeletionCost } from ${JSON.stringify(module.href)};
      const answer = await patchDeletionCost(${JSON.stringify(identity)}, 42, new AbortController().signal);
      process.stdout.write(JSON.stringify(answer));`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
    });
    if (stdout === "") throw new Error(`Cannot run the worker's call: ${stderr}`);
    return JSON.parse(stdout);
  } finally {
    rmSync(accountDir, { recursive: true, force: true });
  }
}

const cost = (value: string | null) => ({ metadata: { annotations: { [COST]: value } } });

beforeAll(async () => {
  if (isClusterAbsent) return;
  cluster = await startCluster();
  await cluster.addNamespace(space, "privileged");
  const manifests = renderChart(withValues("production", {})).map((one) => inNamespace(one, space));
  const access = [
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
  ];
  for (const one of manifests.filter(({ kind }) => access.includes(kind)))
    expect(tell(await cluster.admin.apply(one, space)), nameOf(one)).toMatch(/^20[01]/);
  const worker = workloadsOf(manifests).find(
    ({ labels }) => labels["app.kubernetes.io/component"] === "worker",
  );
  if (worker === undefined) throw new Error("Cannot test: there is no worker");
  for (const name of ["own", "other"]) {
    const { body } = podOf(worker, name);
    const answer = await cluster.admin.post(`/api/v1/namespaces/${space}/pods`, body);
    expect(answer.status, tell(answer)).toBe(201);
  }
  const client = await asWorker("own");
  await eventually(
    async () =>
      (await client.patch(`/api/v1/namespaces/${space}/pods/other?dryRun=All`, cost("1"))).status === 403,
    "the admission policy is not in force",
  );
}, START_MS_MAX);

it.skipIf(isClusterAbsent)("sets, changes and removes the deletion cost of its own pod", async () => {
  const client = await asWorker("own");
  for (const value of ["100", "200", null]) {
    const answer = await client.patch(own, cost(value));
    expect(tell(answer)).toBe("200");
    expect(dig(answer.body, "metadata.annotations")).toEqual(
      expect.not.objectContaining({ [COST]: value === null ? expect.anything() : "0" }),
    );
    expect(Object(dig(answer.body, "metadata.annotations"))[COST]).toBe(value ?? undefined);
  }
  const strategic = await client.patch(own, cost("7"), "strategic-merge-patch+json");
  expect(tell(strategic)).toBe("200");
});

it.skipIf(isClusterAbsent)("is taken when the worker's own code calls, for its own pod alone", async () => {
  expect(await runWorkersCall("own", "own")).toEqual({ outcome: "updated", reason: "" });
  const { body } = await cluster.admin.get(own);
  expect(Object(dig(body, "metadata.annotations"))[COST]).toBe("42");
  expect(await runWorkersCall("own", "other")).toEqual({ outcome: "refused", reason: "status is 403" });
});

it.skipIf(isClusterAbsent).each([
  ["another annotation", { metadata: { annotations: { a: "b" } } }],
  ["a label", { metadata: { labels: { a: "b" } } }],
  ["the label of its pool", { metadata: { labels: { "latentfarm/pool": null } } }],
  ["its image", { spec: { containers: [{ name: "worker", image: "evil:1" }] } }],
  ["its deadline", { spec: { activeDeadlineSeconds: 60 } }],
  ["a finalizer", { metadata: { finalizers: ["example.com/keep"] } }],
  [
    "its owner",
    { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "other", uid: "1" }] } },
  ],
])("does not change %s", async (_what, body) => {
  const client = await asWorker("own");
  expect(tell(await client.patch(own, body, "strategic-merge-patch+json"))).toMatch(/^403 .*a worker may/);
});

it.skipIf(isClusterAbsent)("changes no other pod, and nothing with a token of no pod", async () => {
  const other = `/api/v1/namespaces/${space}/pods/other`;
  expect(tell(await (await asWorker("own")).patch(other, cost("1")))).toMatch(/^403 .*its own pod only/);
  expect(tell(await (await asWorker()).patch(own, cost("1")))).toMatch(/^403 .*its own pod only/);
});

it.skipIf(isClusterAbsent)("may do nothing else: neither read, nor delete, nor see secrets", async () => {
  const client = await asWorker("own");
  const answers = [
    await client.get(own),
    await client.delete(own),
    await client.get(`/api/v1/namespaces/${space}/secrets`),
    await client.get("/api/v1/namespaces/default/pods"),
    await client.patch("/api/v1/namespaces/default/pods/any", cost("1")),
  ];
  expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403]);
});

it.skipIf(isClusterAbsent)(
  "has the one right that the role gives, and other accounts have none",
  async () => {
    const may = async (account: string, verb: string) => {
      const spec = {
        user: `system:serviceaccount:${space}:${account}`,
        groups: ["system:serviceaccounts", `system:serviceaccounts:${space}`, "system:authenticated"],
        resourceAttributes: { namespace: space, verb, resource: "pods" },
      };
      const body = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec };
      return dig(
        (await cluster.admin.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", body)).body,
        "status.allowed",
      );
    };
    const verbs = ["patch", "update", "get", "list", "delete", "create"];
    const allowed = async (account: string) => Promise.all(verbs.map((verb) => may(account, verb)));
    expect(await allowed(WORKER_ACCOUNT)).toEqual([true, false, false, false, false, false]);
    expect(await allowed("farm-latentfarm-gateway")).toEqual(verbs.map(() => false));
  },
);

afterAll(() => cluster?.[Symbol.asyncDispose]());
