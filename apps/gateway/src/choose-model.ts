import { FarmError, type FieldError, type ServedModel } from "@latentfarm/contract";

/** The model of a job, or why there is none. */
export type ModelChoice =
  | { readonly model: ServedModel }
  | { readonly fault: FieldError }
  | { readonly none: FarmError };

/**
 * The model that a job names, whether or not a live worker serves it: the job waits for one. A job that names none gets
 * the one that live workers serve; while no worker lives, the one that was served lately.
 */
export function chooseModel(name: string | undefined, known: readonly ServedModel[]): ModelChoice {
  if (known.length === 0) {
    const message = "Cannot take the job as no worker has announced a model: models is 0";
    return { none: new FarmError("model_unavailable", message) };
  }
  const live = known.filter(({ workers }) => workers > 0);
  const offered = live.length > 0 ? live : known;
  const [only, ...others] = name === undefined ? offered : known.filter((model) => model.name === name);
  if (only !== undefined && others.length === 0) return { model: only };
  const fault = name === undefined ? "is required as several models are served" : "is not served";
  const names = (name === undefined ? offered : known).map((model) => model.name).join(", ");
  return { fault: { path: "model", message: `${fault}: one of ${names}` } };
}
