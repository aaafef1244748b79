import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createTracing, type Tracing } from "@latentfarm/telemetry";

/** Tracing whose collector is a process of its own, whose work is not counted. */
export interface SunkTracing extends AsyncDisposable {
  readonly tracing: Tracing;
}

/** Takes everything, keeps nothing, and ends with its parent. */
const COLLECTOR = `
const server = require("node:http").createServer((request, response) => {
  request.resume().on("end", () => response.end());
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit()).resume();
`;

/**
 * Milliseconds until spans are sent that are fewer than a message may have, when their count alone is to send them: longer
 * than any measurement.
 */
const LATE_MS = 3_600_000;

/** Opens tracing as a farm has it, or with an export of every so many spans and at no other time. */
export async function openSunkTracing(spansPerExport?: number): Promise<SunkTracing> {
  if (spansPerExport !== undefined) {
    process.env.OTEL_BSP_MAX_EXPORT_BATCH_SIZE = String(spansPerExport);
    process.env.OTEL_BSP_SCHEDULE_DELAY = String(LATE_MS);
  }
  const collector = spawn(process.execPath, ["-e", COLLECTOR], { stdio: ["pipe", "pipe", "inherit"] });
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${await portOf(collector)}`;
  const tracing = await createTracing({ isOn: true, process: "worker", instance: "bench" });
  return {
    tracing,
    async [Symbol.asyncDispose]() {
      await tracing[Symbol.asyncDispose]();
      const ended = once(collector, "exit");
      collector.kill();
      await ended;
    },
  };
}

async function portOf({ stdout }: ChildProcess): Promise<number> {
  if (stdout === null) throw new Error("the collector's output is not piped");
  const [text] = await once(stdout, "data");
  return Number(String(text));
}
