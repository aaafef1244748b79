import { NO_TRACING, type Tracing, type TracingOptions } from "./tracing.js";

/** Makes a process's tracing. When it is off, nothing of the SDK is loaded. */
export async function createTracing(options: TracingOptions): Promise<Tracing> {
  if (!options.isOn) return NO_TRACING;
  const { openTracing } = await import("./otel-tracing.js");
  return openTracing(options);
}
