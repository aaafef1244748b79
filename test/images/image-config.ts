import type { Workshop } from "./workshop.js";

/** What an image says of how it is run, as Docker names it. */
export interface ImageConfig {
  readonly User: string;
  readonly ExposedPorts?: Readonly<Record<string, unknown>>;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd?: readonly string[] | null;
  readonly WorkingDir: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly StopSignal: string;
  readonly Volumes?: unknown;
  readonly Healthcheck?: { readonly Test: readonly string[] };
}

/** Reads an image's configuration. */
export async function readImageConfig(workshop: Workshop, tag: string): Promise<ImageConfig> {
  const inspected: { readonly Docker: { readonly config: ImageConfig } } = JSON.parse(
    await workshop.buildah("inspect", "--type", "image", tag),
  );
  return inspected.Docker.config;
}
