import { describe } from "vitest";
import { describeComfyUi } from "./comfyui.js";
import { describePictures } from "./demo-pictures.js";
import { describeGraphs } from "./graphs.js";
import { describeNumbers } from "./numbers.js";
import { referenceSets } from "./sources.js";
import { describeTokenizers } from "./tokenizers.js";

for (const set of referenceSets()) {
  describe(set.title, () => {
    describeNumbers(set.reference);
    describeComfyUi(set.reference);
    describeGraphs(set.reference);
    describeTokenizers(set.tokenizers);
    describePictures(set.demoModel);
  });
}
