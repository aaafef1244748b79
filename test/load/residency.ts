import { describeMachine } from "./measure/machine.js";
import { readOptions } from "./measure/read-options.js";
import { publish } from "./measure/report.js";
import { drawPicture } from "./residency/draw-picture.js";
import { loadCheckpoint } from "./residency/load-checkpoint.js";
import { formatResidency, measureResidency, PRIVATE_BYTES_MAX } from "./residency/measure-residency.js";
import { answerObserver } from "./residency/observed-process.js";

/**
 * `./farm bench residency [ARCHITECTURE] [--full] [--dir DIR]`: what a checkpoint of true size costs in seconds and
 * memory; with `--full`, a whole model and a whole picture. The process starts itself again with `--measure FILE`, so that nothing but the model is in the measured one.
 */
const options = readOptions({ names: ["dir", "measure"], flags: ["full"], positionalsMax: 1 });
const { dir, measure } = options.own;
const full = options.own.full !== undefined;

if (measure !== undefined) {
  await answerObserver(measure, full ? drawPicture : loadCheckpoint);
} else {
  const machine = describeMachine();
  const architecture = options.positionals[0] ?? "sd3.5-large";
  const figures = await measureResidency({ architecture, full, dir, self: process.argv[1] ?? "" });
  await publish(
    {
      name: full ? "residency-full" : `residency-${architecture}`,
      command: `./farm bench residency ${architecture}${full ? " --full" : ""}`,
      machine,
      figures,
      markdown: formatResidency(figures),
    },
    options,
  );
  if (figures.privatePeakBytes > PRIVATE_BYTES_MAX) process.exitCode = 1;
}
