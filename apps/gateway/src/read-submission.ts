import {
  checkWith,
  type FieldError,
  fieldsError,
  type JobRecord,
  modelErrors,
  type parseQuery,
  type ServedModel,
  type SoundPart,
  type SubmitRequest,
  soundPart,
  type submitQuerySchema,
  submitRequestSchema,
} from "@latentfarm/contract";
import type { Idempotency } from "@latentfarm/queue";
import { checkWebhookUrl } from "@latentfarm/webhooks";
import { hashBody } from "./body-hash.js";
import { chooseModel, type ModelChoice } from "./choose-model.js";
import type { GatewayContext } from "./context.js";
import { assertSmallBeside, parseJsonBody } from "./http/json-body.js";
import type { Call } from "./http/route.js";
import { readIdempotencyKey, readWait } from "./http/submit-headers.js";

/** What the query of a submit says. */
export type SubmitQuery = ReturnType<typeof parseQuery<typeof submitQuerySchema>>;

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
  { request, caller, query }: Pick<Call<SubmitQuery>, "request" | "caller" | "query">,
): Promise<Submission> {
  const body = parseJsonBody(request);
  assertSmallBeside(body, "image");
  const wait = readWait(request.get("Prefer"));
  const key = readIdempotencyKey(request.get("Idempotency-Key"));
  const checked = checkWith(submitRequestSchema, body);
  const faults = [wait, key].flatMap((header) => ("fault" in header ? [header.fault] : []));
  if ("fault" in wait || "fault" in key || !checked.ok) {
    const wrong = checked.ok ? [] : checked.errors;
    const sound = checked.ok ? checked.value : soundPart(body);
    const more = await faultsOfModel(context, sound, wrong);
    throw fieldsError("the job", [...faults, ...wrong, ...more, ...faultsOfWebhook(context, sound)]);
  }
  const waitSeconds = wait.value;
  const idempotency =
    key.value === undefined ? undefined : { key: key.value, bodyHash: hashBody(checked.value) };
  const known =
    idempotency && !query.dry_run && (await context.queue.findSubmitted(caller.tenant.name, idempotency));
  if (known) return { waitSeconds, known };
  const choice = await chooseServed(context, checked.value.model);
  if ("none" in choice) throw choice.none;
  const more = "fault" in choice ? [choice.fault] : modelErrors(checked.value, choice.model);
  const wrong = [...more, ...faultsOfWebhook(context, checked.value)];
  if ("fault" in choice || wrong.length > 0) throw fieldsError("the job", wrong);
  return { waitSeconds, request: checked.value, model: choice.model, ...(idempotency && { idempotency }) };
}

/** What the model would refuse of a request that is refused in any case; nothing where the model cannot be known. */
async function faultsOfModel(
  context: GatewayContext,
  sound: SoundPart,
  wrong: readonly FieldError[],
): Promise<readonly FieldError[]> {
  if (wrong.some(({ path }) => path === "model" || path === "body")) return [];
  const choice = await chooseServed(context, sound.model).catch(() => undefined);
  if (choice === undefined || "none" in choice) return [];
  return "fault" in choice ? [choice.fault] : modelErrors(sound, choice.model);
}

/** A model that is not known is looked for once more: it may have come since the list was read. */
async function chooseServed({ models }: GatewayContext, name: string | undefined): Promise<ModelChoice> {
  const choice = chooseModel(name, await models.get());
  return "model" in choice ? choice : chooseModel(name, await models.refresh());
}

function faultsOfWebhook({ webhookPolicy }: GatewayContext, { webhook }: SoundPart): FieldError[] {
  const message = webhook && checkWebhookUrl(webhook.url, webhookPolicy);
  return message === undefined ? [] : [{ path: "webhook.url", message }];
}
