import path from "node:path";
import { buildMmdit, detectMmdit, openWeightSource } from "@latentfarm/sd35";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { DEMO_CHECKPOINT } from "./engine/frame.js";
import { describeMachine } from "./measure/machine.js";
import { readOptions } from "./measure/read-options.js";
import { publish } from "./measure/report.js";
import { formatVariants, measureVariants } from "./options/measure-variants.js";
import { formatProfiles, profileStep } from "./options/profile-step.js";
import { listVariants } from "./options/session-variants.js";

/** `./farm bench options`: what each of onnxruntime's options gives for a step of the demo model, and a profile. */
const options = readOptions();
const machine = describeMachine();
const source = openWeightSource(path.join(REPOSITORY_ROOT, DEMO_CHECKPOINT));
const config = detectMmdit(source);
const variants = listVariants(buildMmdit(source, config), config.heads);
const figures = await measureVariants(variants, config);
const [own] = variants;
const profiles =
  own === undefined
    ? []
    : [await profileStep(own, { config, rows: 16 }), await profileStep(own, { config, rows: 1 })];

await publish(
  {
    name: "options",
    command: "./farm bench options",
    machine,
    figures: { variants: figures, profiles },
    markdown: [
      "One step of the demo model's denoiser, 64x64; medians in ms, in turns, and their ratio to the first line.",
      formatVariants(figures),
      "## Where a step goes: onnxruntime's profile, engine's options",
      formatProfiles(profiles),
    ].join("\n\n"),
  },
  options,
);
