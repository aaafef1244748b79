import { createPipeline, createRuntime, type Runtime } from "@latentfarm/engine";
import { benchFrame } from "../engine/frame.js";
import type { PhaseTime } from "./observed-process.js";

/** Rows of a call: with and without the prompt. */
const BATCH_ROWS = 2;

/**
 * Opens a model folder as an engine does and draws one picture of 256x256 in 2 steps with guidance. Each run of a
 * component is a phase of its own. Throws when the picture is one colour: the figures would be those of a wrong graph.
 */
export async function drawPicture(
  dir: string,
  begin: (phase: string) => Promise<void>,
): Promise<PhaseTime[]> {
  const times: PhaseTime[] = [];
  const timed = async <T>(phase: string, work: () => Promise<T>): Promise<T> => {
    await begin(phase);
    const startedAt = performance.now();
    const result = await work();
    times.push({ phase, seconds: (performance.now() - startedAt) / 1000 });
    return result;
  };
  const runtime = watchRuns(createRuntime(), timed);
  const pipeline = await timed("open model", () => createPipeline(dir, { runtime, batchRows: BATCH_ROWS }));
  const frame = benchFrame({ model: pipeline.model.name, width: 256, height: 256, steps: 2 });
  const { rgb } = await pipeline.submit(frame);
  if (rgb.every((value) => value === rgb[0]))
    throw new Error("Cannot measure the model: its picture is one colour");
  await pipeline.close();
  return times;
}

/** The same runtime, each run of a session timed as "<component> <number of its run>". */
function watchRuns(
  runtime: Runtime,
  timed: <T>(phase: string, work: () => Promise<T>) => Promise<T>,
): Runtime {
  return {
    ...runtime,
    open: async (graph, options) => {
      const session = await runtime.open(graph, options);
      let runs = 0;
      return {
        run: (inputs) => timed(`${graph.component} ${++runs}`, () => session.run(inputs)),
        release: () => session.release(),
      };
    },
  };
}
