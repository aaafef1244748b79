import { FarmError } from "@latentfarm/contract";
import type { Components } from "./components.js";

/**
 * Checks what no single file can show: that the text encoders' widths are those that the diffusion model expects, and
 * that the CLIP files are not swapped. Gives every disagreement as an error.
 */
export function checkAgreement({ mmdit, clipL, clipG, t5 }: Components): readonly FarmError[] {
  if (mmdit === undefined) return [];
  const { contextWidth, pooledWidth } = mmdit.config;
  const errors: FarmError[] = [];
  const disagree = (file: string, reason: string) =>
    errors.push(new FarmError("model_invalid", `Cannot use ${file} with ${mmdit.source.name}: ${reason}`));
  if (t5 && t5.config.hidden !== contextWidth) {
    disagree(
      t5.source.name,
      `hidden width is ${t5.config.hidden}, expected ${contextWidth} (T5-XXL has 4096)`,
    );
  }
  const [widthL, widthG] = [clipL?.config.hidden ?? 0, clipG?.config.hidden ?? 0];
  const clipName = [clipL?.source.name, clipG?.source.name]
    .filter((name) => name !== undefined)
    .join(" and ");
  if (widthL + widthG > contextWidth) {
    disagree(clipName, `hidden width is ${widthL} + ${widthG}, expected at most ${contextWidth} together`);
  }
  const pooledG = clipG?.config.projectionWidth ?? 0;
  const pooled = widthL + pooledG;
  if (clipL && clipG && widthL >= widthG) {
    disagree(
      clipName,
      `hidden width is ${widthL} and ${widthG}, expected CLIP-L's below CLIP-G's: swapped files?`,
    );
  } else if (clipL && clipG ? pooled !== pooledWidth : pooled > pooledWidth) {
    disagree(clipName, `pooled width is ${widthL} + ${pooledG}, expected ${pooledWidth} together`);
  }
  return errors;
}
