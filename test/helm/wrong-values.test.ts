import { describe, expect, it } from "vitest";
import { findChartTool, renderText } from "./render-chart.js";
import { withValues } from "./value-sets.js";

const isSkipped = findChartTool("helm") === undefined;
const POOL = "workers.defaults";

/** Values that the schema refuses, with the field that the message names. */
const REFUSED: readonly (readonly [set: string, field: string, value: unknown, told: RegExp])[] = [
  // Names.
  ["minimal", "gatway", { replicas: 2 }, /'gatway'/],
  ["minimal", "gateway.replica", 2, /at '\/gateway'.*'replica'/s],
  ["minimal", `${POOL}.gpus`, 1, /at '\/workers\/defaults'.*'gpus'/s],
  ["minimal", "workers.pools.l4.scalling", { enabled: true }, /at '\/workers\/pools\/l4'.*'scalling'/s],
  ["minimal", "workers.pools", { "L4 spot": {} }, /L4 spot/],
  ["minimal", "redis.password", "secret", /at '\/redis'.*'password'/s],
  ["minimal", "store.s3.secretAccessKey", "secret", /at '\/store\/s3'.*'secretAccessKey'/s],
  // Kinds and numbers.
  ["minimal", "gateway.replicas", "two", /'\/gateway\/replicas'/],
  ["minimal", "gateway.replicas", -1, /'\/gateway\/replicas'/],
  ["minimal", "gateway.replicas", 1.5, /'\/gateway\/replicas'/],
  ["minimal", "gateway.enabled", "yes", /'\/gateway\/enabled'/],
  ["minimal", "gateway.lameDuckSeconds", 61, /'\/gateway\/lameDuckSeconds'/],
  ["minimal", `${POOL}.drainSeconds`, 91, /'\/workers\/defaults\/drainSeconds'/],
  ["minimal", `${POOL}.concurrency`, 0, /'\/workers\/defaults\/concurrency'/],
  ["minimal", "workers.pools.l4.concurrency", 257, /'\/workers\/pools\/l4\/concurrency'/],
  ["minimal", "workers.pools.l4.gpu.count", 2, /'\/workers\/pools\/l4\/gpu\/count'/],
  ["minimal", "courier.concurrency", 4_097, /'\/courier\/concurrency'/],
  ["minimal", "webhooks.ports", [443, 65_536], /'\/webhooks\/ports\/1'/],
  ["minimal", "webhooks.retrySeconds", [604_801], /'\/webhooks\/retrySeconds\/0'/],
  ["minimal", "store.s3.presignSeconds", 604_801, /'\/store\/s3\/presignSeconds'/],
  [
    "minimal",
    "gateway.autoscaling.targetCPUUtilization",
    101,
    /'\/gateway\/autoscaling\/targetCPUUtilization'/,
  ],
  [
    "minimal",
    `${POOL}.scaling.targetBacklogSeconds`,
    0,
    /'\/workers\/defaults\/scaling\/targetBacklogSeconds'/,
  ],
  [
    "minimal",
    `${POOL}.scaling.targetBacklogSeconds`,
    1.5,
    /'\/workers\/defaults\/scaling\/targetBacklogSeconds'/,
  ],
  ["minimal", `${POOL}.scaling.share`, 1.1, /'\/workers\/defaults\/scaling\/share'/],
  ["minimal", `${POOL}.scaling.rate`, 0, /'\/workers\/defaults\/scaling\/rate'/],
  ["minimal", `${POOL}.scaling.fallback.replicas`, 0, /'\/workers\/defaults\/scaling\/fallback\/replicas'/],
  // Forms of texts.
  ["minimal", "logLevel", "loud", /'\/logLevel'/],
  ["minimal", "publicUrl", "farm.example.com", /'\/publicUrl'/],
  ["minimal", "redis.url", "http://redis", /'\/redis\/url'/],
  ["minimal", "store.kind", "tape", /'\/store\/kind'/],
  ["minimal", "store.s3.bucket", "Acme_Pictures", /'\/store\/s3\/bucket'/],
  ["minimal", "store.s3.storageClass", "GLACIER", /'\/store\/s3\/storageClass'/],
  ["minimal", "store.s3.endpoint", "s3.example.com", /'\/store\/s3\/endpoint'/],
  ["minimal", "store.s3.prefix", "/farm", /'\/store\/s3\/prefix'/],
  ["minimal", `${POOL}.modelCache.type`, "ramdisk", /'\/workers\/defaults\/modelCache\/type'/],
  [
    "minimal",
    `${POOL}.modelCache.hostPath.path`,
    "models",
    /'\/workers\/defaults\/modelCache\/hostPath\/path'/,
  ],
  ...[
    "/etc",
    "/etc/kubernetes",
    "/var/lib",
    "/var/run/docker",
    "/var/lib/kubelet/pods",
    "/usr",
    "/models/..",
  ].map(
    (folder) =>
      [
        "minimal",
        `${POOL}.modelCache.hostPath.path`,
        folder,
        /'\/workers\/defaults\/modelCache\/hostPath\/path'/,
      ] as const,
  ),
  ["minimal", "redis.passwordKey", "..", /'\/redis\/passwordKey'/],
  ["minimal", "redis.urlKey", ".", /'\/redis\/urlKey'/],
  ["minimal", "store.s3.accessKeyIdKey", "..data", /'\/store\/s3\/accessKeyIdKey'/],
  ["minimal", "workers.contentCredentials.keyKey", "a/b", /'\/workers\/contentCredentials\/keyKey'/],
  ["minimal", "otel.headersKey", "k".repeat(254), /'\/otel\/headersKey'/],
  ["minimal", `${POOL}.spot`, "gcp", /'\/workers\/defaults\/spot'/],
  ["minimal", `${POOL}.model.source`, "http://models", /'\/workers\/defaults\/model\/source'/],
  ["minimal", "gateway.image.digest", "sha256:12", /'\/gateway\/image\/digest'/],
  ["minimal", "gateway.resources.limits.memory", "lots", /'\/gateway\/resources\/limits\/memory'/],
  ["trial", "redis.bundled.maxMemory", "half", /'\/redis\/bundled\/maxMemory'/],
  ["trial", "redis.bundled.persistence.size", "8 GB", /'\/redis\/bundled\/persistence\/size'/],
  ["production", "prometheus.serverAddress", "prometheus:9090", /'\/prometheus\/serverAddress'/],
  ["production", "tools.gc.schedule", "daily at three", /'\/tools\/gc\/schedule'/],
  ["production", "tools.gc.olderThan", "90 days", /'\/tools\/gc\/olderThan'/],
  [
    "production",
    "networkPolicy.credentials.cidrs",
    ["169.254.169.254"],
    /'\/networkPolicy\/credentials\/cidrs\/0'/,
  ],
  ...["300.1.1.1/8", "10.0.0/8", "10.0.0.0/33", "010.0.0.0/8", ":::/8", "1:2:3/64", "2001:db8::/129"].map(
    (cidr) =>
      ["minimal", "networkPolicy.webhooks.except", [cidr], /'\/networkPolicy\/webhooks\/except\/0'/] as const,
  ),
  // What would open the network, keep nodes from being emptied, or show a secret.
  ["minimal", "networkPolicy.metrics.from", null, /'\/networkPolicy\/metrics'.*from/],
  ["minimal", "networkPolicy.dns.to", null, /'\/networkPolicy\/dns'.*to/],
  ["minimal", "networkPolicy.enabled", null, /'\/networkPolicy'.*enabled/],
  ["minimal", "gateway.pdb.maxUnavailable", 0, /'\/gateway\/pdb\/maxUnavailable'/],
  ["minimal", `${POOL}.pdb.maxUnavailable`, "0%", /'\/workers\/defaults\/pdb\/maxUnavailable'/],
  [
    "minimal",
    "gateway.extraEnv",
    [{ name: "AWS_SECRET_ACCESS_KEY", value: "for-tests" }],
    /'\/gateway\/extraEnv\/0'/,
  ],
  ["production", "commonLabels", { "app.kubernetes.io/name": "mine" }, /app.kubernetes.io\/name/],
];

/** Values that are right each by itself and do not go together, with what the chart says. */
const CONTRARY: readonly (readonly [set: string, values: Readonly<Record<string, unknown>>, told: string])[] =
  [
    ["trial", { "redis.url": "redis://redis:6379" }, "redis.url is set, but redis.bundled.enabled is true"],
    ["minimal", { "redis.existingSecret": "" }, "redis.existingSecret is empty"],
    ["minimal", { "redis.url": "redis://:pass@redis:6379" }, "redis.url"],
    ["minimal", { "redis.url": "redis://redis:6379?password=pass" }, "redis.url"],
    [
      "production",
      { "workers.pools.l4.modelCache.evict": false },
      "another pool of the cache /var/lib/latentfarm/models has it otherwise",
    ],
    ["minimal", { "store.s3.bucket": "" }, "store.s3.bucket is empty, but store.kind is s3"],
    ["minimal", { "store.kind": "disk" }, "store.s3.bucket is set, but store.kind is disk"],
    ["minimal", { "store.s3.kmsKey": "alias/a" }, "store.s3.kmsKey is set, but store.s3.sse is not aws:kms"],
    ["minimal", { "gateway.ingress.enabled": true }, "gateway.ingress.hosts is empty"],
    ["minimal", { "gateway.httpRoute.enabled": true }, "gateway.httpRoute.parentRefs or hostnames is empty"],
    [
      "production",
      { "gateway.autoscaling.minReplicas": 13 },
      "gateway.autoscaling.minReplicas is above maxReplicas",
    ],
    ["minimal", { "tools.gc.enabled": true }, "tools.gc.olderThan and tenants are empty"],
    ["minimal", { "workers.pools.l4.model.name": "" }, "workers.pools.l4.model.name is empty"],
    ["minimal", { "workers.pools.l4.model.source": "" }, "workers.pools.l4.model.source is empty"],
    [
      "minimal",
      { [`${POOL}.modelCache.type`]: "image" },
      "workers.pools.l4.modelCache.image.reference is empty",
    ],
    ["minimal", { [`${POOL}.modelCache.evict`]: true }, "workers.pools.l4.modelCache.evict is true"],
    ["minimal", { [`${POOL}.scaling.enabled`]: true }, "prometheus.serverAddress is empty"],
    [
      "production",
      { "workers.pools.l4.scaling.share": 0.8 },
      "scaling.share of the pools of model sd35-large makes 1.1",
    ],
    [
      "production",
      { "workers.pools.l4.scaling.minReplicas": 41 },
      "workers.pools.l4.scaling.minReplicas is above",
    ],
    [
      "production",
      { "workers.pools.l4.scaling.fallback.replicas": 41 },
      "workers.pools.l4.scaling.fallback.replicas is above",
    ],
    ["minimal", { [`${POOL}.strategy.maxSurge`]: 0 }, "maxSurge and maxUnavailable are both 0"],
  ];

/** Values at the edges of what the schema takes. */
const TAKEN: readonly (readonly [field: string, value: unknown])[] = [
  ...["/mnt/models", "/data", "/var/lib/latentfarm/models", "/etcetera", "/opt/.models"].map(
    (folder) => [`${POOL}.modelCache.hostPath.path`, folder] as const,
  ),
  ...[".password", "tls.crt", "_", "k".repeat(253)].map((key) => ["redis.passwordKey", key] as const),
  [
    "networkPolicy.webhooks.except",
    ["0.0.0.0/0", "255.255.255.255/32", "::/0", "::1/128", "fd00:ec2::254/128", "1:2:3:4:5:6:7:8/128"],
  ],
];

describe.skipIf(isSkipped)("values.schema.json", () => {
  it.each(TAKEN)("takes %s=%j", (field, value) => {
    expect(renderText(withValues("minimal", { [field]: value }))).toMatchObject({ ok: true });
  });

  it.each(REFUSED)("refuses %s with %s=%j", (set, field, value, told) => {
    const { ok, stderr } = renderText(withValues(set, { [field]: value }));
    expect({ ok, stderr }).toEqual({ ok: false, stderr: expect.stringMatching(told) });
  });
});

describe.skipIf(isSkipped)("the chart's own check", () => {
  it.each(CONTRARY)("refuses %s with %j", (set, values, told) => {
    const { ok, stderr } = renderText(withValues(set, values));
    expect({ ok, stderr }).toEqual({ ok: false, stderr: expect.stringContaining(told) });
  });

  it("tells every problem at once", () => {
    const { stderr } = renderText(
      withValues("minimal", { "store.s3.bucket": "", "redis.existingSecret": "" }),
    );
    expect(stderr).toContain("store.s3.bucket is empty");
    expect(stderr).toContain("redis.existingSecret is empty");
  });
});
