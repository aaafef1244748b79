import path from "node:path";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { formatCurves, measureShape, SIZES } from "./batch/measure-curve.js";
import { DEMO_MODEL } from "./engine/frame.js";
import { describeMachine } from "./measure/machine.js";
import { readOptions } from "./measure/read-options.js";
import { publish } from "./measure/report.js";

/** `./farm bench batch`: what sharing a call gains by shape, and the row cap that the engine learns from it. */
const options = readOptions();

const machine = describeMachine();
const modelDir = path.join(REPOSITORY_ROOT, DEMO_MODEL);
const curves = [];
for (const size of SIZES) curves.push(await measureShape(modelDir, size));

const markdown = [
  "Postcards (the demo model), guidance off, one row a frame; medians, with the first and ninth decile. Gain is rows per",
  "second over one row a call. The cap is what the engine itself settled on in a run of 16 frames. A weak gain shows as a",
  "cap above 1 and is used only when so many rows wait that the mean wait gains too.",
];
await publish(
  {
    name: "batch",
    command: "./farm bench batch",
    machine,
    figures: { curves },
    markdown: `${markdown.join("\n")}\n\n${formatCurves(curves)}`,
  },
  options,
);
