import { NO_TRACING, type Tracing, type TracingOptions } from "./tracing.js";

/** Makes a process's tracing. When it is off, nothing of the SDK is loaded. */
export async function createTracing(options: TracingOptions): Promise<Tracing> {
  if (!options.isOn) return NO_TRACING;
  const { openTracing } = await import("./otel-tracing.js");
  return openTracing(options);
}

/**
 * Makes tracing and what then owns it: when that cannot be made, the tracing is closed again.
 * @param given what a test puts in its place
 */
export async function ownTracing<Owner>(
  options: TracingOptions,
  make: (tracing: Tracing) => Promise<Owner>,
  given?: Tracing,
): Promise<Owner> {
  const tracing = given ?? (await createTracing(options));
  try {
    return await make(tracing);
  } catch (error) {
    await tracing[Symbol.asyncDispose]();
    throw error;
  }
}
