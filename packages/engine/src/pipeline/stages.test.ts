import { createPromptEncoder, openModelFolder } from "@latentfarm/sd35";
import { expect, test } from "vitest";
import type { PreparedFrame } from "../loop/frame-loop.js";
import type { SideUnits } from "../loop/side-budget.js";
import { createStepBatcher } from "../loop/step-batcher.js";
import { createRuntime } from "../runtime.js";
import { DEMO_MODEL_DIR, demoFrame } from "../testing/demo-frame.js";
import { openComponents } from "./resident-components.js";
import { createStages } from "./stages.js";

/** Session runs in each unit of a preparation. */
async function runsByUnit(units: SideUnits<PreparedFrame>, runs: () => number): Promise<number[]> {
  const counts: number[] = [];
  for (;;) {
    const before = runs();
    const unit = await units.next();
    counts.push(runs() - before);
    if (unit.done === true) return counts;
  }
}

test("createStages() prepares a frame in units of one session run at most, its image included", async () => {
  const folder = await openModelFolder(DEMO_MODEL_DIR);
  const components = await openComponents(folder, createRuntime({ threads: 1 }));
  let runs = 0;
  using encoder = createPromptEncoder(folder, (component, inputs) => {
    runs += 1;
    return components.runTextEncoder(component, inputs);
  });
  const stages = createStages({
    encoder,
    vaeDecoder: components.vaeDecoder,
    vaeEncoder: async () => {
      const session = await components.vaeEncoder();
      return {
        ...session,
        run: (inputs) => {
          runs += 1;
          return session.run(inputs);
        },
      };
    },
    batcher: createStepBatcher(async () => []),
    identity: { modelHash: "", graphHash: "" },
  });
  const prompt = "a (very long:1.2) prompt ".repeat(500);
  const params = demoFrame({
    prompt,
    negative_prompt: prompt,
    init_image: { sha256: "0".repeat(64), strength: 0.5 },
  });
  const initImage = new Uint8Array(params.width * params.height * 3);
  const checked = { params, sampler: "euler", scheduler: "normal", seed: 7n, initImage } as const;
  const counts = await runsByUnit(
    stages.prepare(checked, () => undefined),
    () => runs,
  );
  expect(Math.max(...counts)).toBe(1);
  // Both prompts: CLIP-L and CLIP-G several times, T5 twice; the VAE once.
  expect(runs).toBeGreaterThan(2 * (3 + 3 + 2));
  expect(runs % 2).toBe(1);
  await components.release();
});
