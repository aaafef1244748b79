import { createMetrics } from "@latentfarm/telemetry";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { API_CERTIFICATE } from "../testing/cluster-identity.js";
import { type FakeCluster, startFakeCluster } from "../testing/fake-cluster.js";
import { keepDeletionCost, LOOK_MS, RETRY_MS_MAX } from "./keep-deletion-cost.js";
import { type PatchResult, patchDeletionCost } from "./patch-pod.js";

let cluster: FakeCluster;
beforeEach(async () => {
  cluster = await startFakeCluster();
});
afterEach(() => cluster[Symbol.asyncDispose]());

const patch = (cost = 7): Promise<PatchResult> =>
  patchDeletionCost(cluster.pod, cost, new AbortController().signal);

const answerWith =
  (status: number, headers = {}): Parameters<FakeCluster["answer"]>[0] =>
  (response) =>
    void response.writeHead(status, headers).end("{}");

describe("patchDeletionCost()", () => {
  it("patchDeletionCost() changes the one annotation of its own pod, by its own token, as a merge patch", async () => {
    expect(await patch(-1)).toEqual({ outcome: "updated", reason: "" });
    expect(cluster.calls).toHaveLength(1);
    expect(cluster.calls[0]).toMatchObject({
      method: "PATCH",
      path: "/api/v1/namespaces/farm/pods/worker-l4-0",
      headers: { authorization: "Bearer token-1", "content-type": "application/merge-patch+json" },
    });
    expect(cluster.calls[0]?.body).toEqual({
      metadata: { annotations: { "controller.kubernetes.io/pod-deletion-cost": "-1" } },
    });
  });

  it("patchDeletionCost() reads the token anew, since the kubelet replaces it", async () => {
    await patch();
    await cluster.rotate("token-2");
    expect(await patch()).toMatchObject({ outcome: "updated" });
    await cluster.put("token", "token-1");
    expect(await patch()).toEqual({ outcome: "refused", reason: "status is 401" });
  });

  it("patchDeletionCost() speaks to no server that its cluster's authority does not vouch for", async () => {
    // A certificate that is good, and no authority.
    await cluster.put("ca.crt", API_CERTIFICATE);
    expect(await patch()).toMatchObject({ outcome: "away", reason: expect.stringMatching(/CERT|SIGNATURE/) });
    expect(cluster.calls).toEqual([]);
  });

  it("patchDeletionCost() tells refusals, conflicts, load and absence apart, and never the token", async () => {
    const told: PatchResult[] = [];
    for (const status of [403, 404, 422, 409, 429, 500, 503, 302]) {
      cluster.answer(answerWith(status, { "retry-after": "17" }));
      told.push(await patch());
    }
    expect(told.map(({ outcome }) => outcome)).toEqual([
      ...["refused", "refused", "refused", "conflict", "busy", "away", "away", "away"],
    ]);
    expect(told[4]?.retryAfterMs).toBe(17_000);
    cluster.answer((response) => void response.socket?.destroy());
    told.push(await patch());
    await cluster[Symbol.asyncDispose]();
    told.push(await patch());
    expect(told.slice(-2).map(({ outcome }) => outcome)).toEqual(["away", "away"]);
    expect(JSON.stringify(told)).not.toContain("token-");
  });

  it("patchDeletionCost() waits for no server longer than it may, and for none once it is told to stop", async () => {
    cluster.answer(() => undefined);
    const begin = performance.now();
    expect(await patch()).toMatchObject({ outcome: "away" });
    expect(performance.now() - begin).toBeLessThan(6_000);
    const stop = new AbortController();
    const stopped = patchDeletionCost(cluster.pod, 1, stop.signal);
    stop.abort();
    expect(await stopped).toMatchObject({ outcome: "away" });
  });
});

describe("keepDeletionCost()", () => {
  /** Plays so many looks, each with the stake and the answer that the step gives. */
  async function play(steps: readonly { megapixelSteps: number; result?: PatchResult }[]) {
    const stop = new AbortController();
    const log = { info: vi.fn(), warn: vi.fn() };
    const metrics = createMetrics("worker");
    const written: number[] = [];
    const waits: number[] = [];
    let index = 0;
    await keepDeletionCost({
      pod: cluster.pod,
      stake: () => ({ frames: 1, megapixelSteps: steps[index]?.megapixelSteps ?? 0, isSick: false }),
      log,
      metrics,
      signal: stop.signal,
      patch: async (_pod, cost) => {
        written.push(cost);
        return steps[index]?.result ?? { outcome: "updated", reason: "" };
      },
      wait: async (ms) => {
        waits.push(ms);
        index++;
        if (index === steps.length) stop.abort();
      },
    });
    return { written, waits, log, metrics };
  }

  it("keepDeletionCost() writes at once, and again on a real change only", async () => {
    const { written, waits, log } = await play(
      [0, 0, 1, 1.01, 2.1, 2.2, 0].map((megapixelSteps) => ({ megapixelSteps })),
    );
    expect(written).toEqual([1, 512, 2_048, 1]);
    expect(new Set(waits)).toEqual(new Set([LOOK_MS]));
    expect(log.warn).not.toHaveBeenCalled();
  });

  it("keepDeletionCost() tries what fails ever more seldom, and tells each change of its state once", async () => {
    const refused: PatchResult = { outcome: "refused", reason: "status is 403" };
    const away: PatchResult = { outcome: "away", reason: "ECONNREFUSED" };
    const steps = [
      ...Array(7).fill({ megapixelSteps: 1, result: refused }),
      { megapixelSteps: 1, result: away },
    ];
    const { waits, log, metrics } = await play([...steps, { megapixelSteps: 1 }, { megapixelSteps: 8 }]);
    expect(waits).toEqual([
      10_000,
      20_000,
      40_000,
      80_000,
      160_000,
      RETRY_MS_MAX,
      RETRY_MS_MAX,
      RETRY_MS_MAX,
      LOOK_MS,
      LOOK_MS,
    ]);
    expect(log.warn.mock.calls.map(([fields]) => fields)).toEqual([refused, away]);
    expect(log.info).toHaveBeenCalledTimes(1);
    const text = await metrics.text();
    expect(text).toContain('farm_pod_cost_updates_total{outcome="refused"} 7');
    expect(text).toContain('farm_pod_cost_updates_total{outcome="updated"} 2');
    expect(text).toContain("farm_pod_deletion_cost 4096");
  });

  it("keepDeletionCost() waits as long as a busy server asks for, within its own bound", async () => {
    const busy = (seconds: number): PatchResult => ({
      outcome: "busy",
      reason: "",
      retryAfterMs: seconds * 1_000,
    });
    const { waits } = await play(
      [30, 99_999].map((seconds) => ({ megapixelSteps: 1, result: busy(seconds) })),
    );
    expect(waits).toEqual([30_000, RETRY_MS_MAX]);
  });
});
