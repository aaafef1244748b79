import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type EndedBatch, type EngineHost, startEngine } from "@latentfarm/engine";
import { REPOSITORY_ROOT } from "../../harness/index.js";
import { DEMO_MODEL } from "../engine/frame.js";
import { SENT_FILE_VARIABLE, type SentReports } from "./quiet-frames.js";

/** A real engine process that tells step batches of frames with a tag alone. */
export interface GatedEngine {
  readonly engine: EngineHost;
  /** Ends it; gives what it has sent of step batches. */
  close(): Promise<SentReports>;
}

/** Starts the demo model's engine. */
export async function openGatedEngine(
  onBatches: (batches: readonly EndedBatch[]) => void,
): Promise<GatedEngine> {
  const folder = await mkdtemp(path.join(tmpdir(), "bench-telemetry-"));
  const file = path.join(folder, "sent.json");
  const gate = new URL("./quiet-frames.js", import.meta.url).href;
  const engine = await startEngine({
    modelDir: path.join(REPOSITORY_ROOT, DEMO_MODEL),
    environment: { NODE_OPTIONS: `--import=${gate}`, [SENT_FILE_VARIABLE]: file },
    onBatches,
  });
  return {
    engine,
    async close() {
      await engine[Symbol.asyncDispose]();
      const sent: SentReports = JSON.parse(await readFile(file, "utf8")); // Our own file.
      await rm(folder, { recursive: true });
      return sent;
    },
  };
}
