import type { Machine } from "../farm/machine.js";
import { ensureGoTool } from "./go-tool.js";

/**
 * Finds or builds helm, which renders the chart as an operator's helm does.
 * @throws {FarmError} file_unreadable there is none and none can be built
 */
export function ensureHelm(machine: Machine, toolsDir: string): string {
  return ensureGoTool(machine, toolsDir, {
    what: "helm",
    program: "helm",
    module: "helm.sh/helm/v3/cmd/helm",
    version: "v3.22.0",
  });
}

/**
 * Finds or builds kubeconform, which holds manifests against the schemas of Kubernetes and of custom resources.
 * @throws {FarmError} file_unreadable there is none and none can be built
 */
export function ensureKubeconform(machine: Machine, toolsDir: string): string {
  return ensureGoTool(machine, toolsDir, {
    what: "kubeconform",
    program: "kubeconform",
    module: "github.com/yannh/kubeconform/cmd/kubeconform",
    version: "v0.8.0",
  });
}

/**
 * Finds or builds helm-docs, which writes the chart's README from its values.
 * @throws {FarmError} file_unreadable there is none and none can be built
 */
export function ensureHelmDocs(machine: Machine, toolsDir: string): string {
  return ensureGoTool(machine, toolsDir, {
    what: "helm-docs",
    program: "helm-docs",
    module: "github.com/norwoodj/helm-docs/cmd/helm-docs",
    version: "v1.14.2",
  });
}
