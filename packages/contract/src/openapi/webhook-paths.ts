import { DELIVERY_STATUSES } from "../webhook.js";
import { answer, type Json, NOT_FOUND, operation, PAGE, pathParameter, queryParameter } from "./parts.js";

const WEBHOOKS = { tags: ["Webhooks"] };
const tooLarge: Json = { $ref: "#/components/responses/TooLarge" };

/** The calls of webhook endpoints and deliveries. */
export function webhookPaths(): Json {
  return { ...deliveryPaths(), ...endpointPaths() };
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
