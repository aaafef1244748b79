import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Manifest, nameOf, toManifest, workloadsOf } from "../helm/manifest.js";
import { readPrevious } from "../helm/previous.js";
import { CHART, renderChart } from "../helm/render-chart.js";
import { digList } from "../helm/tree.js";
import { CI_SETS, type ValueSet, withValues } from "../helm/value-sets.js";
import { tell } from "./cluster-client.js";
import {
  inNamespace,
  isClusterAbsent,
  type LiveCluster,
  podOf,
  START_MS_MAX,
  startCluster,
} from "./live-cluster.js";

/** Value sets whose every pod the profile "restricted" must admit. */
const RESTRICTED = ["minimal", "trial"];

let cluster: LiveCluster;

beforeAll(async () => {
  if (!isClusterAbsent) cluster = await startCluster();
}, START_MS_MAX);

afterAll(() => cluster?.[Symbol.asyncDispose]());

describe.skipIf(isClusterAbsent)("helm on a real API server", () => {
  it.each(CI_SETS)(
    "installs and upgrades $name without a warning, and tells its notes",
    async ({ name, files = [] }) => {
      const space = `install-${name}`;
      await cluster.addNamespace(space, RESTRICTED.includes(name) ? "restricted" : "privileged");
      const values = files.flatMap((file) => ["--values", file]);
      // The warnings of Pod Security on hostPath are the operator's choice of that set.
      const expected = RESTRICTED.includes(name) ? /^$/ : /^(?:.*would violate PodSecurity.*hostPath.*\n?)*$/;
      const install = cluster.helm("install", "farm", CHART, "--namespace", space, ...values);
      expect(install).toMatchObject({ ok: true, stderr: expect.stringMatching(expected) });
      expect(install.stdout).toContain("STATUS: deployed");
      expect(install.stdout).not.toMatch(/<nil>|%!/);
      const upgrade = cluster.helm(
        "upgrade",
        "farm",
        CHART,
        "--namespace",
        space,
        ...values,
        "--set",
        "logLevel=debug",
      );
      expect(upgrade).toMatchObject({ ok: true, stderr: expect.stringMatching(expected) });
      const policies = await cluster.admin.get(
        `/apis/networking.k8s.io/v1/namespaces/${space}/networkpolicies`,
      );
      expect(digList(policies.body, "items").length).toBeGreaterThan(4);
      expect(cluster.helm("uninstall", "farm", "--namespace", space)).toMatchObject({ ok: true });
    },
  );

  it("refuses an upgrade that changes the volume of Redis: the server agrees with the upgrade test", async () => {
    await cluster.addNamespace("install-larger", "restricted");
    const values = ["--values", ...(withValues("trial", {}).files ?? []), "--namespace", "install-larger"];
    expect(cluster.helm("install", "farm", CHART, ...values).ok).toBe(true);
    const { ok, stderr } = cluster.helm(
      "upgrade",
      "farm",
      CHART,
      ...values,
      "--set",
      "redis.bundled.persistence.size=2Gi",
    );
    expect({ ok, stderr }).toEqual({
      ok: false,
      stderr: expect.stringContaining("updates to statefulset spec"),
    });
  });
});

describe.skipIf(isClusterAbsent)("server-side apply", () => {
  it.each(CI_SETS)("takes every object of the last release, then of this chart: $name", async (set) => {
    const space = `apply-${set.name}`;
    await cluster.addNamespace(space, RESTRICTED.includes(set.name) ? "restricted" : "privileged");
    for (const one of [...(readPrevious(set.name) ?? []), ...renderChart(set)]) {
      const answer = await cluster.admin.apply(inNamespace(one, space), space);
      expect(tell({ ...answer, warnings: [] }), nameOf(one)).toMatch(/^20[01]$/);
    }
  });

  it("refuses a field that Kubernetes does not know", async () => {
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, dat: { a: "b" } };
    expect(tell(await cluster.admin.apply(toManifest(body), "default"))).toMatch(/^(400|422|500) .*dat/);
  });
});

describe.skipIf(isClusterAbsent)("Pod Security", () => {
  const pods = (set: ValueSet) => workloadsOf(renderChart(set));

  beforeAll(async () => {
    if (isClusterAbsent) return;
    await cluster.addNamespace("farm", "restricted");
    for (const set of CI_SETS)
      for (const one of renderChart(set).filter(({ kind }) => kind === "ServiceAccount"))
        await cluster.admin.apply(one, "farm");
  });

  const judge = async (pod: Manifest, space = "farm") =>
    cluster.admin.post(`/api/v1/namespaces/${space}/pods?dryRun=All`, pod.body);

  it.each(CI_SETS.filter(({ name }) => RESTRICTED.includes(name)))(
    "restricted admits every pod: $name",
    async (set) => {
      expect(pods(set).length).toBeGreaterThan(3);
      for (const workload of pods(set))
        expect(tell(await judge(podOf(workload))), nameOf(workload.manifest)).toBe("201");
    },
  );

  it("restricted refuses of the production set a folder of the node, and nothing else", async () => {
    for (const workload of pods(withValues("production", {}))) {
      const answer = tell(await judge(podOf(workload)));
      const isWorker = workload.labels["app.kubernetes.io/component"] === "worker";
      expect(answer, nameOf(workload.manifest)).toMatch(
        isWorker
          ? /^403 .*restricted volume types \(volume "models" uses restricted volume type "hostPath"\)[^)]*$/
          : /^201$/,
      );
    }
  });

  it("restricted admits the production set where models are not kept on the node", async () => {
    const cache = { "workers.defaults.modelCache": { type: "emptyDir", evict: false } };
    for (const workload of pods(withValues("production", cache)))
      expect(tell(await judge(podOf(workload))), nameOf(workload.manifest)).toBe("201");
  });

  it("restricted refuses a pod that may gain privileges", async () => {
    const [workload] = pods(withValues("minimal", {}));
    if (workload === undefined) throw new Error("Cannot test: there is no pod");
    const { spec } = podOf(workload).body;
    const containers = digList(spec, "containers").map((one) => ({ ...Object(one), securityContext: {} }));
    const pod = toManifest({ ...podOf(workload).body, spec: { ...Object(spec), containers } });
    expect(tell(await judge(pod))).toMatch(/^403 .*allowPrivilegeEscalation/);
  });
});
