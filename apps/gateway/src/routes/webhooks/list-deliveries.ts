import { deliveryListQuerySchema, parseQuery } from "@latentfarm/contract";
import type { GatewayContext } from "../../context.js";
import type { Route } from "../../http/route.js";

type DeliveryListQuery = ReturnType<typeof parseQuery<typeof deliveryListQuerySchema>>;

/** `GET /v1/deliveries`: the caller's deliveries, newest first; with `status=dead` the dead letters. */
export function listDeliveriesRoute(context: GatewayContext): Route<DeliveryListQuery> {
  return {
    method: "get",
    path: "/v1/deliveries",
    scope: "read",
    query: (parameters) => parseQuery(deliveryListQuerySchema, parameters),
    async handle({ response, caller, query }) {
      response.json(await context.webhooks.listDeliveries(caller.tenant.name, query));
    },
  };
}
