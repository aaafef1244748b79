import { execFile } from "node:child_process";

/** What a model is computed on. */
export type Device = { readonly kind: "cpu" } | CudaDevice;

/** A GPU of NVIDIA. */
export interface CudaDevice {
  readonly kind: "cuda";
  readonly name: string;
  readonly computeCapability: { readonly major: number; readonly minor: number };
  /** Bytes of its memory, and of what is free of it now. */
  readonly memoryBytes: number;
  readonly memoryFreeBytes: number;
  readonly driver: string;
}

/** Runs a program and gives its standard output; undefined when it is not there, fails or takes too long. */
export type RunCommand = (command: string, args: readonly string[]) => Promise<string | undefined>;

/** Milliseconds that a program of the system may take: nvidia-smi needs seconds where the driver is not loaded yet. */
const COMMAND_MAX_MS = 30_000;

/** Bytes of output that are read of it: a list of all libraries of a system is some 100 KB. */
const COMMAND_OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

/** nvidia-smi gives memory in this unit. Source: `nvidia-smi --help-query-gpu`. */
const MEBIBYTE = 1024 ** 2;

const QUERY = "name,compute_cap,memory.total,memory.free,driver_version";

/**
 * Looks for the GPU that CUDA calls device 0. `visible` is CUDA_VISIBLE_DEVICES, which CUDA obeys and nvidia-smi does
 * not: its first entry is asked for. Indices mean the same to both only with CUDA_DEVICE_ORDER=PCI_BUS_ID.
 */
export async function probeDevice(
  run: RunCommand = runCommand,
  visible?: string | undefined,
): Promise<Device> {
  const [first = ""] = (visible ?? "0").split(",");
  if (!/^[A-Za-z0-9-]+$/.test(first) || first.startsWith("-")) return { kind: "cpu" };
  const output = await run("nvidia-smi", [
    `--id=${first}`,
    `--query-gpu=${QUERY}`,
    "--format=csv,noheader,nounits",
  ]);
  return parseDevice(output ?? "") ?? { kind: "cpu" };
}

/** Reads a line such as `NVIDIA L4, 8.9, 23034, 22563, 580.65.06`; undefined for anything else. */
function parseDevice(output: string): CudaDevice | undefined {
  const [line = ""] = output.trim().split("\n");
  const [name = "", capability = "", total, free, driver = ""] = line.split(",").map((field) => field.trim());
  const version = /^(\d+)\.(\d+)$/.exec(capability);
  const memoryBytes = Number(total) * MEBIBYTE;
  const memoryFreeBytes = Number(free) * MEBIBYTE;
  if (version === null || !Number.isFinite(memoryBytes) || !Number.isFinite(memoryFreeBytes))
    return undefined;
  const computeCapability = { major: Number(version[1]), minor: Number(version[2]) };
  return { kind: "cuda", name, computeCapability, memoryBytes, memoryFreeBytes, driver };
}

/** {@link RunCommand} of this machine. */
export function runCommand(command: string, args: readonly string[]): Promise<string | undefined> {
  const options = { timeout: COMMAND_MAX_MS, maxBuffer: COMMAND_OUTPUT_BYTES_MAX };
  return new Promise((resolve) => {
    execFile(command, [...args], options, (error, stdout) => resolve(error === null ? stdout : undefined));
  });
}
