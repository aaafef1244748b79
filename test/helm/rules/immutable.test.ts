import { expect, it } from "vitest";
import { parseManifests } from "../manifest.js";
import { blockedChanges } from "./immutable.js";
import { plant } from "./plant.js";

const BEFORE = parseManifests(`
kind: Deployment
metadata: { name: gateway, labels: { helm.sh/chart: latentfarm-0.1.0 } }
spec: { replicas: 2, selector: { matchLabels: { a: b, c: d } } }
---
kind: StatefulSet
metadata: { name: redis }
spec:
  serviceName: redis
  selector: { matchLabels: { a: b } }
  volumeClaimTemplates: [{ metadata: { name: data }, spec: { resources: { requests: { storage: 8Gi } } } }]
---
kind: Service
metadata: { name: redis }
spec: { clusterIP: None, ports: [{ port: 6379 }] }
---
kind: PersistentVolumeClaim
metadata: { name: models }
spec: { accessModes: [ReadWriteMany], storageClassName: nfs, resources: { requests: { storage: 8Gi } } }
---
kind: Job
metadata: { name: gc }
spec: { template: { spec: { containers: [{ name: gc, image: latentfarm/cli:0.1.0 }] } } }
---
kind: ConfigMap
metadata: { name: fixed }
immutable: true
data: { a: b }
---
kind: RoleBinding
metadata: { name: worker }
roleRef: { name: worker }
`);

const changed = (at: string, field: string, value: unknown) =>
  blockedChanges(BEFORE, plant(BEFORE, { rule: "", at, field, value }));

it("blockedChanges() finds nothing in the same farm, nor in what an upgrade may change", () => {
  expect(blockedChanges(BEFORE, BEFORE)).toEqual([]);
  expect(changed("Deployment/gateway", "spec|replicas", 3)).toEqual([]);
  expect(changed("Deployment/gateway", "metadata|labels|helm.sh/chart", "latentfarm-0.2.0")).toEqual([]);
  expect(changed("Deployment/gateway", "spec|selector|matchLabels", { c: "d", a: "b" })).toEqual([]);
  expect(changed("PersistentVolumeClaim/models", "spec|resources|requests|storage", "16Gi")).toEqual([]);
  expect(changed("Service/redis", "spec|ports|0|port", 6380)).toEqual([]);
});

it.each([
  ["Deployment/gateway", "spec|selector|matchLabels|e", "f", "spec.selector"],
  ["StatefulSet/redis", "spec|serviceName", "cache", "spec.serviceName"],
  [
    "StatefulSet/redis",
    "spec|volumeClaimTemplates|0|spec|resources|requests|storage",
    "16Gi",
    "spec.volumeClaimTemplates",
  ],
  [
    "StatefulSet/redis",
    "spec|volumeClaimTemplates|0|metadata|labels",
    { v: "2" },
    "spec.volumeClaimTemplates",
  ],
  ["Service/redis", "spec|clusterIP", undefined, "spec.clusterIP"],
  ["PersistentVolumeClaim/models", "spec|storageClassName", "efs", "spec.storageClassName"],
  ["PersistentVolumeClaim/models", "spec|accessModes", ["ReadWriteOnce"], "spec.accessModes"],
  ["Job/gc", "spec|template|spec|containers|0|image", "latentfarm/cli:0.2.0", "spec.template"],
  ["ConfigMap/fixed", "data|a", "c", "data"],
  ["RoleBinding/worker", "roleRef|name", "admin", "roleRef"],
])("blockedChanges() finds a change of %s at %s", (at, field, value, told) => {
  expect(changed(at, field, value)).toEqual([`${at}: ${told} changes`]);
});

it("blockedChanges() finds a claim that an upgrade would take away, and lets other objects go", () => {
  const without = (kind: string) => BEFORE.filter((one) => one.kind !== kind);
  expect(blockedChanges(BEFORE, without("PersistentVolumeClaim"))).toEqual([
    "PersistentVolumeClaim/models is gone",
  ]);
  expect(blockedChanges(BEFORE, without("Deployment"))).toEqual([]);
});
