import { describeMachine } from "./measure/machine.js";
import { readOptions } from "./measure/read-options.js";
import { publish } from "./measure/report.js";
import { formatResidency, measureResidency, PRIVATE_BYTES_MAX } from "./residency/measure-residency.js";
import { answerObserver } from "./residency/observed-process.js";

/**
 * `./farm bench residency [ARCHITECTURE] [--dir DIR]`: what a checkpoint of true size costs in seconds and memory. The
 * process starts itself again with `--measure FILE`, so that nothing but the model is in the measured one.
 */
const options = readOptions(["dir", "measure"], 1);
const { dir, measure } = options.own;

if (measure !== undefined) {
  await answerObserver(measure);
} else {
  const machine = describeMachine();
  const architecture = options.positionals[0] ?? "sd3.5-large";
  const figures = await measureResidency({ architecture, dir, self: process.argv[1] ?? "" });
  await publish(
    {
      name: `residency-${architecture}`,
      command: `./farm bench residency ${architecture}`,
      machine,
      figures,
      markdown: formatResidency(figures),
    },
    options,
  );
  if (figures.privatePeakBytes > PRIVATE_BYTES_MAX) process.exitCode = 1;
}
