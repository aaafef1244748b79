import { DELIVERY_STATUSES } from "../webhook.js";
import {
  answer,
  header,
  type Json,
  NOT_FOUND,
  operation,
  PAGE,
  pathParameter,
  plainAnswer,
  queryParameter,
  ref,
} from "./parts.js";

const WEBHOOKS = { tags: ["Webhooks"] };
const tooLarge: Json = { $ref: "#/components/responses/TooLarge" };

/** The calls of webhook endpoints and deliveries. */
export function webhookPaths(): Json {
  return { ...deliveryPaths(), ...endpointPaths() };
}

/** What the farm sends. Source: standardwebhooks.com, "Webhook headers". */
export function webhookRequests(): Json {
  const text = (name: string, description: string): Json => ({
    ...header(name, description, { type: "string" }),
    required: true,
  });
  const post = {
    ...WEBHOOKS,
    summary: "An event of a job, at least once; `sequence` orders those of one job",
    operationId: "receiveEvent",
    security: [],
    parameters: [
      text("webhook-id", "The delivery's id, the same at every attempt"),
      text("webhook-timestamp", "Seconds since 1970 of this attempt"),
      text(
        "webhook-signature",
        "`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; two while a secret rotates",
      ),
    ],
    requestBody: { required: true, content: { "application/json": { schema: ref("WebhookPayload") } } },
    responses: {
      "2XX": { description: "Taken in" },
      "410": { description: "Send no more: the endpoint is disabled" },
      default: { description: "Tried again later, after `Retry-After` where it is given" },
    },
  };
  return { event: { post } };
}

function deliveryPaths(): Json {
  const status = queryParameter("status", "Deliveries in this state only; `dead` are the dead letters", {
    type: "string",
    enum: DELIVERY_STATUSES,
  });
  return {
    "/v1/jobs/{id}/deliveries": {
      get: operation({
        ...WEBHOOKS,
        summary: "What was sent of a job's events, and how it went",
        operationId: "listJobDeliveries",
        scope: "read",
        parameters: [pathParameter("id"), ...PAGE],
        responses: { "200": answer("The page", "DeliveryList"), ...NOT_FOUND },
      }),
    },
    "/v1/deliveries": {
      get: operation({
        ...WEBHOOKS,
        summary: "A page of the tenant's deliveries, newest first",
        operationId: "listDeliveries",
        scope: "read",
        parameters: [status, ...PAGE],
        responses: { "200": answer("The page", "DeliveryList") },
      }),
    },
    "/v1/deliveries/{id}/redeliver": {
      post: operation({
        ...WEBHOOKS,
        summary: "Send a delivery again, with the same id and body, whatever its state",
        operationId: "redeliver",
        scope: "submit",
        parameters: [pathParameter("id")],
        responses: { "202": answer("The delivery", "Delivery"), "413": tooLarge, ...NOT_FOUND },
      }),
    },
  };
}

function endpointPaths(): Json {
  return {
    "/v1/webhooks": {
      get: operation({
        ...WEBHOOKS,
        summary: "The addresses that webhooks went to, with their health",
        operationId: "listWebhooks",
        scope: "read",
        responses: { "200": answer("Endpoints", "EndpointList") },
      }),
    },
    "/v1/webhooks/{id}": {
      delete: operation({
        ...WEBHOOKS,
        summary:
          "Forget an endpoint and its secret; what waits for it becomes dead letters. Twice is once, for a day",
        operationId: "deleteWebhook",
        scope: "submit",
        parameters: [pathParameter("id")],
        responses: { "204": plainAnswer("It is forgotten"), ...NOT_FOUND },
      }),
    },
    "/v1/webhooks/{id}/secret": {
      get: operation({
        ...WEBHOOKS,
        summary: "The secret that signs what is sent to an endpoint",
        operationId: "getWebhookSecret",
        scope: "submit",
        parameters: [pathParameter("id")],
        responses: { "200": answer("The endpoint with its secret", "EndpointSecret"), ...NOT_FOUND },
      }),
    },
    "/v1/webhooks/{id}/rotate": {
      post: operation({
        ...WEBHOOKS,
        summary: "A new secret; the one before signs beside it for a while",
        operationId: "rotateWebhookSecret",
        scope: "submit",
        parameters: [pathParameter("id")],
        body: "RotateRequest",
        isBodyOptional: true,
        responses: { "200": answer("The endpoint with its new secret", "EndpointSecret"), ...NOT_FOUND },
      }),
    },
    "/v1/webhooks/{id}/enable": {
      post: operation({
        ...WEBHOOKS,
        summary: "Take a disabled endpoint into service again",
        operationId: "enableWebhook",
        scope: "submit",
        parameters: [pathParameter("id")],
        responses: { "200": answer("The endpoint", "Endpoint"), "413": tooLarge, ...NOT_FOUND },
      }),
    },
  };
}
