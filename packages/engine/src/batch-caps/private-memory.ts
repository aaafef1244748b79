import { readFileSync } from "node:fs";
import { totalmem } from "node:os";

const BYTES_PER_KIB = 1024;

/** The share of the machine that a call may fill: the rest is for the other processes of the farm. */
const MEMORY_SHARE_MAX = 0.8;

/**
 * The private memory of this process in bytes, without the pages of mapped weights, which the kernel can drop;
 * undefined where there is no /proc. Source: Linux, `Documentation/filesystems/proc.rst`, RssAnon.
 */
export function readPrivateBytes(): number | undefined {
  try {
    const kib = /^RssAnon:\s+([0-9]+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return kib === undefined ? undefined : Number(kib) * BYTES_PER_KIB;
  } catch {
    return undefined;
  }
}

/** The bytes that batches may grow to: {@link MEMORY_SHARE_MAX} of the machine, or of the container's limit. */
export function memoryBudgetBytes(): number {
  return machineMemoryBytes() * MEMORY_SHARE_MAX;
}

/** The memory of this machine in bytes, or the container's limit where that is less. */
export function machineMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
