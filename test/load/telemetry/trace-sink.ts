import { createServer } from "node:http";
import { createTracing, type Tracing } from "@latentfarm/telemetry";

/** Tracing whose collector is in this process, so that its work counts too. */
export interface SunkTracing extends AsyncDisposable {
  readonly tracing: Tracing;
  /** Bytes that have come. */
  readonly bytes: () => number;
}

/** Opens tracing as a farm has it, to a collector that takes everything and keeps nothing. */
export async function openSunkTracing(): Promise<SunkTracing> {
  let bytes = 0;
  const server = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on("end", () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${port}`;
  const tracing = await createTracing({ isOn: true, process: "worker", instance: "bench" });
  return {
    tracing,
    bytes: () => bytes,
    async [Symbol.asyncDispose]() {
      await tracing[Symbol.asyncDispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
