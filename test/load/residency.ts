import { parseArgs } from "node:util";
import { describeMachine } from "./measure/machine.js";
import { publish } from "./measure/report.js";
import { formatResidency, measureResidency, PRIVATE_BYTES_MAX } from "./residency/measure-residency.js";
import { answerObserver } from "./residency/observed-process.js";

/**
 * `./farm bench residency [ARCHITECTURE] [--dir DIR]`: what a checkpoint of true size costs in seconds and memory. The
 * process starts itself again with `--measure FILE`, so that nothing but the model is in the measured one.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
    dir: { type: "string" },
    measure: { type: "string" },
  },
});

if (values.measure !== undefined) {
  await answerObserver(values.measure);
} else {
  const machine = describeMachine();
  const architecture = positionals[0] ?? "sd3.5-large";
  const figures = await measureResidency({ architecture, dir: values.dir, self: process.argv[1] ?? "" });
  await publish(
    {
      name: `residency-${architecture}`,
      command: `./farm bench residency ${architecture}`,
      machine,
      figures,
      markdown: formatResidency(figures),
    },
    values,
  );
  if (figures.privatePeakBytes > PRIVATE_BYTES_MAX) process.exitCode = 1;
}
