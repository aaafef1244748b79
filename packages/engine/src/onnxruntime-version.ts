import { createRequire } from "node:module";

/** The version of onnxruntime, read from its manifest: the host never loads the library itself. */
export function onnxruntimeVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)("onnxruntime-node/package.json");
  const version = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return version ? String(manifest.version) : "unknown";
}
