import { FarmError, fieldsError, jobPath, jobToWire } from "@latentfarm/contract";
import type { GatewayContext } from "../context.js";
import { findJobHead } from "../find-job.js";
import { readBody } from "../http/json-body.js";
import { refuseBody } from "../http/no-body.js";
import type { Route } from "../http/route.js";
import { readIdempotencyKey } from "../http/submit-headers.js";

/**
 * `POST /v1/jobs/{id}/retry`: queues the failed frames of a failed job again; its pictures stay. With an `Idempotency-Key` a
 * repeated call, as after a lost answer, is answered as the first.
 */
export function retryJobRoute(context: GatewayContext): Route {
  return {
    method: "post",
    path: "/v1/jobs/:id/retry",
    scope: "submit",
    before: [readBody()],
    async handle(call) {
      refuseBody(call.request);
      const { id } = await findJobHead(context, call);
      const key = readIdempotencyKey(call.request.get("idempotency-key"));
      if ("fault" in key) throw fieldsError("the request", [key.fault]);
      const retried = await context.queue.retry(id, key.value);
      if (retried === undefined) throw forgotten();
      context.log.info({ jobId: id }, "job retried");
      call.response.status(202).location(jobPath(id)).json(jobToWire(retried));
    },
  };
}

/** Only the sidecar still tells of the job. */
function forgotten(): FarmError {
  const message = "Cannot retry the job as the queue has forgotten its frames: submit it again";
  return new FarmError("nothing_to_retry", message);
}
