import { describe, expect, it } from "vitest";
import type { PrecisionPlan } from "./device/precision-plan.js";
import { sessionOptions } from "./session-options.js";

const CUDA: PrecisionPlan = {
  kind: "cuda",
  name: "cuda_sm89",
  device: {
    kind: "cuda",
    name: "NVIDIA L4",
    computeCapability: { major: 8, minor: 9 },
    memoryBytes: 1,
    memoryFreeBytes: 1,
    driver: "",
  },
};

describe("sessionOptions()", () => {
  it("runs on the CPU by default, its weights mapped", () => {
    const options = sessionOptions("/models/x");
    expect(options.executionProviders).toEqual(["cpu"]);
    expect(options.extra?.session).toMatchObject({
      model_external_initializers_file_folder_path: "/models/x",
      disable_prepacking: "1",
    });
    expect(options.extra?.session).not.toHaveProperty("disable_cpu_ep_fallback");
  });

  it("folds and prepacks weights when asked to", () => {
    const { extra } = sessionOptions("/models/x", { foldWeights: true });
    expect(extra?.session).toMatchObject({ disable_quant_qdq: "1" });
    expect(extra?.session).not.toHaveProperty("disable_prepacking");
    expect(JSON.stringify(extra?.optimization)).not.toContain("ConstantFolding");
  });

  it("forbids the CPU on CUDA", () => {
    const options = sessionOptions("/models/x", { plan: CUDA });
    expect(options.executionProviders).toEqual([{ name: "cuda", deviceId: 0 }]);
    expect(options.extra?.session).toMatchObject({ disable_cpu_ep_fallback: "1" });
  });
});
