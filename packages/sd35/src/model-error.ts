import { type ErrorDetails, FarmError } from "@latentfarm/contract";

/** What {@link invalidModel} says. */
export interface ModelFault {
  /** The file's name, as the user knows it. */
  readonly file: string;
  /** What the file was to serve as, with its article: "an SD3 diffusion model". */
  readonly as: string;
  /** "<field> is <value>, expected <what>". */
  readonly reason: string;
  readonly details?: ErrorDetails;
}

/** The error for a file that cannot serve in its place; permanent, as the file stays what it is. */
export function invalidModel({ file, as, reason, details = {} }: ModelFault): FarmError {
  return new FarmError("model_invalid", `Cannot use ${file} as ${as}: ${reason}`, {
    details: { ...details, file },
  });
}
