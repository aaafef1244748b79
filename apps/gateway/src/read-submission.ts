import {
  checkWith,
  type FieldError,
  fieldsError,
  type JobRecord,
  modelErrors,
  type ServedModel,
  type SoundPart,
  type SubmitRequest,
  soundPart,
  submitRequestSchema,
} from "@latentfarm/contract";
import type { Idempotency } from "@latentfarm/queue";
import { hashBody } from "./body-hash.js";
import { chooseModel } from "./choose-model.js";
import type { GatewayContext } from "./context.js";
import { assertSmallBeside, parseJsonBody } from "./http/json-body.js";
import type { Call } from "./http/route.js";
import { readIdempotencyKey, readWait } from "./http/submit-headers.js";

/** A submit that is right in every part, or the job that it was taken in as before. */
export type Submission = { readonly waitSeconds: number | undefined } & (
  | { readonly known: JobRecord }
  | {
      readonly known?: never;
      readonly request: SubmitRequest;
      readonly model: ServedModel;
      readonly idempotency?: Idempotency;
    }
);

/**
 * Checks a submit: headers, body and what the model offers, so that one answer lists all that is wrong. A key that came
 * before is looked up first: its job stands, whatever is served by now.
 * @throws {FarmError} invalid_request, with every wrong field; what parseJsonBody() throws; model_unavailable;
 * idempotency_conflict; queue_unavailable
 */
export async function readSubmission(
  context: GatewayContext,
  { request, caller }: Pick<Call, "request" | "caller">,
): Promise<Submission> {
  const body = parseJsonBody(request);
  assertSmallBeside(body, "image");
  const wait = readWait(request.get("Prefer"));
  const key = readIdempotencyKey(request.get("Idempotency-Key"));
  const checked = checkWith(submitRequestSchema, body);
  const faults = [wait, key].flatMap((header) => ("fault" in header ? [header.fault] : []));
  if ("fault" in wait || "fault" in key || !checked.ok) {
    const wrong = checked.ok ? [] : checked.errors;
    const more = await faultsOfModel(context, checked.ok ? checked.value : soundPart(body), wrong);
    throw fieldsError("the job", [...faults, ...wrong, ...more]);
  }
  const waitSeconds = wait.value;
  const idempotency =
    key.value === undefined ? undefined : { key: key.value, bodyHash: hashBody(checked.value) };
  const known = idempotency && (await context.queue.findSubmitted(caller.tenant.name, idempotency));
  if (known) return { waitSeconds, known };
  const choice = chooseModel(checked.value.model, await context.queue.models());
  if ("none" in choice) throw choice.none;
  if ("fault" in choice) throw fieldsError("the job", [choice.fault]);
  return { waitSeconds, request: checked.value, model: choice.model, ...(idempotency && { idempotency }) };
}

/** What the model would refuse of a request that is refused in any case; nothing where the model cannot be known. */
async function faultsOfModel(
  context: GatewayContext,
  sound: SoundPart,
  wrong: readonly FieldError[],
): Promise<readonly FieldError[]> {
  if (wrong.some(({ path }) => path === "model" || path === "body")) return [];
  const known = await context.queue.models().catch(() => []);
  const choice = chooseModel(sound.model, known);
  if ("fault" in choice) return [choice.fault];
  return "model" in choice ? modelErrors(sound, choice.model) : [];
}
