import { existsSync } from "node:fs";
import { join } from "node:path";
import { cudaProviderPath } from "../device/cuda-provider.js";
import { type Check, fail, pass } from "./check.js";
import { readNeededLibraries } from "./needed-libraries.js";

/** What nvidia-smi says. */
export const deviceCheck: Check = {
  name: "device",
  run: async ({ device, plan }) => {
    if (device.kind === "cpu")
      return { status: "skip", detail: "no GPU: nvidia-smi is not there or lists none" };
    const { major, minor } = device.computeCapability;
    const figures = { memory_bytes: device.memoryBytes, memory_free_bytes: device.memoryFreeBytes };
    const detail = `${device.name}, compute capability ${major}.${minor}, driver ${device.driver}`;
    return plan.kind === "cuda"
      ? pass(`${detail}: plan ${plan.name}`, figures)
      : fail(`${detail}: ${plan.reason}`, figures);
  },
};

/** Which libraries onnxruntime's own for CUDA needs, so of which CUDA it is, and whether they are there. */
export const libraryCheck: Check = {
  name: "libraries",
  run: async ({ device, run, environment }) => {
    const path = cudaProviderPath();
    if (!existsSync(path)) {
      const detail = `${path} is absent, see docs/gpu.md`;
      return device.kind === "cpu" ? { status: "skip", detail } : fail(detail);
    }
    const needed = readNeededLibraries(path);
    const known = (await run("ldconfig", ["-p"])) ?? "";
    const folders = (environment.LD_LIBRARY_PATH ?? "").split(":").filter((folder) => folder !== "");
    const missing = needed.filter(
      (name) => !known.includes(`${name} `) && !folders.some((folder) => existsSync(join(folder, name))),
    );
    if (missing.length > 0)
      return fail(`needed and not found: ${missing.join(", ")}; all needed: ${needed.join(", ")}`);
    return pass(`all found: ${needed.join(", ")}`);
  },
};
