import { FarmError } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { checkMemoryBudget, storedBytes, WORKING_BYTES } from "./memory-budget.js";
import { planDevice } from "./plan-device.js";
import { CPU_PLAN, choosePlan, type PrecisionPlan } from "./precision-plan.js";
import { type CudaDevice, probeDevice, type RunCommand } from "./probe-device.js";

const L4: CudaDevice = {
  kind: "cuda",
  name: "NVIDIA L4",
  computeCapability: { major: 8, minor: 9 },
  memoryBytes: 23034 * 1024 ** 2,
  memoryFreeBytes: 22563 * 1024 ** 2,
  driver: "580.65.06",
};
const L4_LINE = "NVIDIA L4, 8.9, 23034, 22563, 580.65.06\n";

const answer =
  (output: string | undefined): RunCommand =>
  async () =>
    output;

function withCapability(major: number, minor: number): CudaDevice {
  return { ...L4, name: "NVIDIA Other", computeCapability: { major, minor } };
}

function planOf(device: CudaDevice): PrecisionPlan {
  return choosePlan({ wish: "auto", device, hasCudaProvider: true }).plan;
}

describe("probeDevice()", () => {
  it("reads what nvidia-smi prints", async () => {
    expect(await probeDevice(answer(L4_LINE))).toEqual(L4);
  });

  it.each([undefined, "", "No devices were found", "a, b, c, d, e", "NVIDIA L4, 8.9, [N/A], 1, 2"])(
    "finds no GPU in %j",
    async (output) => {
      expect(await probeDevice(answer(output))).toEqual({ kind: "cpu" });
    },
  );

  it.each([
    [undefined, "--id=0"],
    ["2,0", "--id=2"],
    ["GPU-5f3c-1", "--id=GPU-5f3c-1"],
  ])("asks for the first of the GPUs that CUDA sees, %j", async (visible, id) => {
    const asked: string[] = [];
    await probeDevice(async (command, args) => {
      asked.push(command, ...args);
      return undefined;
    }, visible);
    expect(asked.slice(0, 2)).toEqual(["nvidia-smi", id]);
  });

  it.each(["", "-1", "NoDevFiles; rm"])("asks nothing where CUDA sees no GPU, %j", async (visible) => {
    const run: RunCommand = () => expect.fail("nothing is run");
    expect(await probeDevice(run, visible)).toEqual({ kind: "cpu" });
  });
});

describe("choosePlan()", () => {
  it.each([
    [8, 0, "cuda_sm80"],
    [8, 6, "cuda_sm80"],
    [8, 8, "cuda_sm80"],
    [8, 9, "cuda_sm89"],
    [9, 0, "cuda_sm89"],
    [12, 0, "cuda_sm89"],
  ])("plans compute capability %i.%i as %s", (major, minor, name) => {
    expect(planOf(withCapability(major, minor)).name).toBe(name);
  });

  it("computes on the CPU where the GPU is too old, and says so", () => {
    const chosen = choosePlan({ wish: "auto", device: withCapability(7, 5), hasCudaProvider: true });
    expect(chosen.plan).toBe(CPU_PLAN);
    expect(chosen.reason).toBe("compute capability of the NVIDIA Other is 7.5, at least 8.0 is needed");
  });

  it.each([
    [
      "an old GPU",
      { device: withCapability(7, 5), hasCudaProvider: true },
      /is 7\.5, at least 8\.0 is needed/,
    ],
    ["no GPU", { device: { kind: "cpu" } as const, hasCudaProvider: true }, /no GPU is found/],
    ["no library", { device: L4, hasCudaProvider: false }, /library for CUDA is not installed/],
  ])("refuses CUDA with %s when it is asked for", (_, facts, message) => {
    expect(() => choosePlan({ wish: "cuda", ...facts })).toThrow(message);
    expect(() => choosePlan({ wish: "cuda", ...facts })).toThrow(FarmError);
    expect(choosePlan({ wish: "auto", ...facts }).plan).toBe(CPU_PLAN);
  });

  it("leaves a GPU alone when the CPU is asked for", () => {
    expect(choosePlan({ wish: "cpu", device: L4, hasCudaProvider: true }).plan).toBe(CPU_PLAN);
  });
});

describe("planDevice()", () => {
  it("does not look for a GPU when the CPU is asked for", async () => {
    const run: RunCommand = () => expect.fail("nothing is run");
    expect((await planDevice({ wish: "cpu", environment: {}, run })).plan).toBe(CPU_PLAN);
  });

  it("computes on the CPU of a machine without a GPU", async () => {
    const chosen = await planDevice({ wish: "auto", environment: {}, run: answer(undefined) });
    expect(chosen).toEqual({ plan: CPU_PLAN, reason: "no GPU is found by nvidia-smi" });
  });
});

describe("checkMemoryBudget()", () => {
  const room = L4.memoryBytes - WORKING_BYTES;

  it("takes weights that leave room to work, and no byte more", () => {
    expect(() => checkMemoryBudget(planOf(L4), room)).not.toThrow();
    expect(() => checkMemoryBudget(planOf(L4), room + 1)).toThrow(
      /memory is 22\.5 GiB, the weights take 18\.5 GiB/,
    );
  });

  it("takes the whole FP8 set on an L4, and its float16 form not", () => {
    expect(() => checkMemoryBudget(planOf(L4), 14.8e9)).not.toThrow();
    expect(() => checkMemoryBudget(planOf(L4), 27e9)).toThrow(
      /Cannot hold the model as resident on the NVIDIA L4/,
    );
  });

  it("sets no bound on the CPU", () => {
    expect(() => checkMemoryBudget(CPU_PLAN, 1e15)).not.toThrow();
  });
});

describe("storedBytes()", () => {
  it("counts what lies in files", () => {
    const base = { name: "g", inputs: [], outputs: [], nodes: [] };
    const inline = { kind: "inline", bytes: new Uint8Array(4) } as const;
    const external = { kind: "external", location: "w", byteOffset: 3, byteLength: 10 } as const;
    const initializers = [inline, external, external].map((data, i) => ({
      name: `${i}`,
      dtype: "uint8" as const,
      shape: [],
      data,
    }));
    expect(storedBytes([{ graph: { ...base, initializers } }])).toBe(20);
  });
});
