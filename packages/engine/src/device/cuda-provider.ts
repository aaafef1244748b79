import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The file that onnxruntime loads for CUDA. */
const PROVIDER = "libonnxruntime_providers_cuda.so";

/** Versioned folder of the binaries. Source: onnxruntime-node, lib/binding.ts. */
const BINARIES = "bin/napi-v6";

/** Where onnxruntime's library for CUDA is, or is to be; npm does not carry it, see docs/gpu.md. */
export function cudaProviderPath(): string {
  const main = createRequire(import.meta.url).resolve("onnxruntime-node");
  return join(dirname(dirname(main)), BINARIES, process.platform, process.arch, PROVIDER);
}

/** Whether onnxruntime's library for CUDA is installed. */
export function hasCudaProvider(): boolean {
  return existsSync(cudaProviderPath());
}
