import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import { openModelFolder } from "@latentfarm/sd35";
import { hasCudaProvider } from "../device/cuda-provider.js";
import { choosePlan } from "../device/precision-plan.js";
import { type Device, probeDevice, type RunCommand, runCommand } from "../device/probe-device.js";
import { type Check, type CheckContext, type CheckResult, fail } from "./check.js";
import { arithmeticCheck, componentCheck, structureCheck } from "./component-checks.js";
import { deviceCheck, libraryCheck } from "./library-checks.js";
import { offsetCheck, operatorCheck } from "./operator-checks.js";
import { timingCheck } from "./timing-check.js";

/** What is checked, in this order: what needs no GPU first, so that a crash of a driver leaves a report. */
const CHECKS: readonly Check[] = [
  deviceCheck,
  libraryCheck,
  structureCheck,
  arithmeticCheck,
  operatorCheck,
  offsetCheck,
  componentCheck,
  timingCheck,
];

/** How {@link runGpuCheck} is called. */
export interface GpuCheckOptions {
  /** A small model. */
  readonly modelDir: string;
  /** The environment that an engine would have: LD_LIBRARY_PATH and CUDA_VISIBLE_DEVICES count. */
  readonly environment: Readonly<Record<string, string>>;
  readonly run?: RunCommand;
  /** Called after each check. */
  readonly onResult?: (result: CheckResult) => void;
}

/** What was found; plain JSON. */
export interface GpuReport {
  /** `ready`: a worker can use the GPU. `no_gpu`: nothing failed, and there is none. */
  readonly verdict: "ready" | "failed" | "no_gpu";
  readonly device: Device;
  readonly node: string;
  readonly checks: readonly CheckResult[];
}

/**
 * Finds out whether this machine's GPU can run the farm, and how well. A check that throws has failed; the others go on.
 * @throws {FarmError} model_invalid, file_invalid or file_unreadable when the small model cannot be opened
 */
export async function runGpuCheck(options: GpuCheckOptions): Promise<GpuReport> {
  const { modelDir, environment, run = runCommand } = options;
  const device = await probeDevice(run, environment.CUDA_VISIBLE_DEVICES);
  const scratch = await mkdtemp(join(tmpdir(), "latentfarm-gpu-"));
  try {
    const folder = await openModelFolder(modelDir);
    const context = { device, plan: planOf(device), folder, run, environment, scratch };
    const checks: CheckResult[] = [];
    for (const check of CHECKS) {
      const result = { name: check.name, ...(await runCheck(check, context)) };
      options.onResult?.(result);
      checks.push(result);
    }
    const failed = checks.some(({ status }) => status === "fail");
    const verdict = failed ? "failed" : device.kind === "cpu" ? "no_gpu" : "ready";
    return { verdict, device, node: process.version, checks };
  } finally {
    await rm(scratch, { recursive: true });
  }
}

function planOf(device: Device): CheckContext["plan"] {
  const { plan, reason } = choosePlan({ wish: "auto", device, hasCudaProvider: hasCudaProvider() });
  return plan.kind === "cuda" ? plan : { kind: "none", reason };
}

async function runCheck(check: Check, context: CheckContext) {
  try {
    return await check.run(context);
  } catch (error) {
    const reason = error instanceof FarmError ? error.details.reason : undefined;
    const message = error instanceof Error ? error.message : String(error);
    return fail(reason === undefined ? message : `${message}: ${String(reason)}`);
  }
}
