import { describe, expect, it } from "vitest";
import { readEnv } from "./env.js";

const REDIS = { FARM_REDIS_URL: "redis://host" };
const POD = { FARM_POD_NAME: "worker-l4-0", FARM_POD_NAMESPACE: "farm" };
const CLUSTER = { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "443" };

describe("readEnv()", () => {
  it("readEnv() takes the pod with its cluster, and none where it is not named", () => {
    expect(readEnv({ ...REDIS, ...POD, ...CLUSTER }).config.pod).toEqual({
      name: "worker-l4-0",
      namespace: "farm",
      apiHost: "10.0.0.1",
      apiPort: 443,
      accountDir: "/var/run/secrets/kubernetes.io/serviceaccount",
    });
    expect(readEnv({ ...REDIS, ...CLUSTER }).config.pod).toBeUndefined();
  });

  it("readEnv() refuses half of a pod, and a pod without its cluster", () => {
    expect(() => readEnv({ ...REDIS, ...CLUSTER, FARM_POD_NAME: "a" })).toThrow(
      "FARM_POD_NAMESPACE is absent",
    );
    expect(() => readEnv({ ...REDIS, ...CLUSTER, FARM_POD_NAMESPACE: "a" })).toThrow(
      "FARM_POD_NAME is absent",
    );
    expect(() => readEnv({ ...REDIS, ...POD })).toThrow(/SERVICE_HOST is absent; .*SERVICE_PORT is no port/);
  });

  it("readEnv() refuses names that are no pod's: they stand in a path", () => {
    for (const name of ["a/b", "..", "A", "a%2f", "a?b", "-a", "a".repeat(254)])
      expect(() => readEnv({ ...REDIS, ...CLUSTER, ...POD, FARM_POD_NAME: name }), name).toThrow(
        "FARM_POD_NAME",
      );
    for (const name of ["a.b", "a/b", "a".repeat(64)])
      expect(() => readEnv({ ...REDIS, ...CLUSTER, ...POD, FARM_POD_NAMESPACE: name }), name).toThrow(
        "NAMESPACE",
      );
  });
});
