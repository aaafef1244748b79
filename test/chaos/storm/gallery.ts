import { decodePng, fetchFrame, meanDifference, type Pixels, runJob } from "../../harness/index.js";
import { PICTURE } from "./client.js";
import { FRAMES_MAX, PROMPTS, SEEDS, STEPS } from "./plan.js";

/** The undisturbed pictures of a storm, by prompt, steps and seed. */
export interface Gallery {
  /** Mean difference of a served PNG from the right picture, of 255; undefined for no picture or none known. */
  differenceOf(
    picture: { readonly prompt: string; readonly steps: number; readonly seed: number },
    png: Buffer,
  ): number | undefined;
}

/** Two pictures of different parameters differ by at least this, of 255: else a mistaken one could pass for right. */
const DISTINCT_MIN = 2;

/**
 * Draws every picture that a storm can ask for on a farm that nothing disturbs.
 * @throws {Error} two of them are too much alike to be told apart
 */
export async function drawGallery(
  farmUrl: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Gallery> {
  const pictures = new Map<string, Pixels>();
  const first = Math.min(...SEEDS);
  const count = Math.max(...SEEDS) + FRAMES_MAX - first;
  const wanted = PROMPTS.flatMap((prompt) => STEPS.map((steps) => ({ prompt, steps })));
  await Promise.all(
    wanted.map(async ({ prompt, steps }) => {
      const job = await runJob(
        farmUrl,
        { prompt, steps, seed: first, num_images: count, ...PICTURE },
        headers,
      );
      for (const { index } of job.frames) {
        const png = await fetchFrame(farmUrl, job, index, headers);
        pictures.set(nameOf({ prompt, steps, seed: first + index }), decodePng(png));
      }
    }),
  );
  requireDistinct([...pictures.values()]);
  return {
    differenceOf(picture, png) {
      const right = pictures.get(nameOf(picture));
      const served = tryDecode(png);
      return right === undefined || served === undefined ? undefined : meanDifference(right, served);
    },
  };
}

function nameOf({
  prompt,
  steps,
  seed,
}: {
  readonly prompt: string;
  readonly steps: number;
  readonly seed: number;
}): string {
  return `${steps} ${seed} ${prompt}`;
}

function tryDecode(png: Buffer): Pixels | undefined {
  try {
    return decodePng(png);
  } catch {
    return undefined;
  }
}

function requireDistinct(pictures: readonly Pixels[]): void {
  const differences = pictures.flatMap((picture, at) =>
    pictures.slice(at + 1).map((other) => meanDifference(picture, other)),
  );
  const least = Math.min(...differences);
  if (least < DISTINCT_MIN) throw new Error(`Cannot tell the pictures apart: two differ by ${least} of 255`);
}
