import path from "node:path";
import { BATCH_ROWS_MAX, type BatchReport, createPipeline } from "@latentfarm/engine";
import { REPOSITORY_ROOT, startTestFarm } from "../harness/index.js";
import { formatRows, measureRows } from "./engine/bare-pipeline.js";
import { formatColdStart, measureColdStart } from "./engine/cold-start.js";
import { compareSteps, formatComparison } from "./engine/compare-steps.js";
import { formatFarmMemory, measureFarmMemory } from "./engine/farm-memory.js";
import { DEMO_MODEL } from "./engine/frame.js";
import { formatOverhead, measureOverhead } from "./engine/gateway-overhead.js";
import { describeMachine } from "./measure/machine.js";
import { readOptions } from "./measure/read-options.js";
import { publish } from "./measure/report.js";

/** `./farm bench engine [--python PYTHON]`: steps and pictures of the demo model, bare and through a farm, cold start and memory. */
const options = readOptions({ names: ["python"] });

const machine = describeMachine();
const batches: BatchReport[] = [];
const pipeline = await createPipeline(path.join(REPOSITORY_ROOT, DEMO_MODEL), {
  batchRows: BATCH_ROWS_MAX,
  onBatch: (batch) => batches.push(batch),
});
const rows = await measureRows({ pipeline, batches });
const steps = await compareSteps(options.own.python ?? "python3");

await using farm = await startTestFarm();
const overhead = await measureOverhead(pipeline, farm.url);
await pipeline.close();
const memory = await measureFarmMemory(farm.url);
const coldStart = await measureColdStart(farm.url);

const markdown = [
  "Postcards (the demo model), 64x64, 20 steps; medians, with the first and ninth decile.",
  "## Batches: bare pipeline, guidance off, one row a frame",
  formatRows(rows),
  "## A step against PyTorch, and against its matrix products alone: in turns",
  formatComparison(steps),
  "## Gateway to picture: guidance 4.5, two rows; bare and farm in turns",
  formatOverhead(overhead),
  "The bare pipeline ends with pixels; the farm encodes a PNG and stores it as well.",
  "## Cold start: tree built, files in the page cache",
  formatColdStart(coldStart),
  "## Memory: three jobs of 16 pictures",
  formatFarmMemory(memory),
];
await publish(
  {
    name: "engine",
    command: "./farm bench engine --python PYTHON",
    machine,
    figures: { rows, steps, overhead, coldStart, memory },
    markdown: markdown.join("\n\n"),
  },
  options,
);
