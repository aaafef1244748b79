import { RELEASE_MAX } from "../../limits.js";
import { framesOf, queueFrames, runScript } from "./calls.js";
import type { Process, Steps, World } from "./world.js";

/** Asks a process for a look at a model's window; stands for frames/release-frames.ts, poke(). */
export function poke(world: World, process: Process, model: string): void {
  process.poked.add(model);
  if (process.releasing.has(model)) return;
  process.releasing.add(model);
  world.spawn(process, release(world, process, model));
}

function* release(world: World, process: Process, model: string): Steps {
  while (process.poked.delete(model)) yield* fillWindow(world, model);
  process.releasing.delete(model);
}

/** Releases until the window is full or nothing waits, or until something is not heard; stands for fill(). */
export function* fillWindow(world: World, model: string): Steps {
  for (;;) {
    const { heard, answer } = yield* runScript({
      name: "release",
      keys: [`${world.root}:fair:${model}`],
      args: [model, RELEASE_MAX],
      about: {},
    });
    if (!heard) return;
    const frames = framesOf(answer);
    if (!(yield* queueFrames(world, model, frames))) return;
    if (answer[0] !== "more" && frames.length < RELEASE_MAX) return;
  }
}

/** Hands frames to BullMQ whose way there was cut, and fills the window; stands for recover(). */
export function* recover(world: World, model: string): Steps {
  const { heard, answer } = yield* runScript({
    name: "strays",
    keys: [`${world.root}:fair:${model}`],
    args: [model, world.bull(model).prefix],
    about: {},
  });
  if (heard && (yield* queueFrames(world, model, framesOf(answer)))) yield* fillWindow(world, model);
}
