import { type Failure, type FarmError, problemSchema } from "@latentfarm/contract";

/**
 * Why a frame failed, as its job tells it. A job's error has no list of wrong fields, so what is wrong with each stands
 * in the message.
 */
export function shownFailure({ code, message, details }: FarmError): Failure {
  const { data: errors } = problemSchema.shape.errors.safeParse(details.errors);
  const fields = (errors ?? []).map((error) => `${error.path} ${error.message}`);
  return { code, message: fields.length > 0 ? `${message} (${fields.join("; ")})` : message };
}
