import { z } from "zod";
import { apiKeySchema, auditListSchema, keyListSchema, keyRequestSchema, newKeySchema } from "../api-key.js";
import { dryRunSchema, statsSchema } from "../estimate.js";
import { wireEventSchema } from "../events.js";
import { frameListSchema, frameSchema, jobListSchema, jobSchema } from "../job.js";
import { modelListSchema, workerListSchema } from "../model.js";
import { problemSchema } from "../problem.js";
import { submitRequestSchema } from "../submit.js";
import { tenantListSchema, tenantRequestSchema, tenantSchema } from "../tenant.js";
import {
  deliveryListSchema,
  deliverySchema,
  endpointListSchema,
  endpointSchema,
  endpointSecretSchema,
  rotateRequestSchema,
  webhookEnvelopeSchema,
} from "../webhook.js";
import type { Json } from "./parts.js";

const REQUESTS: Readonly<Record<string, z.ZodType>> = {
  SubmitRequest: submitRequestSchema,
  KeyRequest: keyRequestSchema,
  TenantRequest: tenantRequestSchema,
  RotateRequest: rotateRequestSchema,
};

const ANSWERS: Readonly<Record<string, z.ZodType>> = {
  Job: jobSchema,
  JobList: jobListSchema,
  Frame: frameSchema,
  FrameList: frameListSchema,
  Event: wireEventSchema,
  DryRun: dryRunSchema,
  ModelList: modelListSchema,
  WorkerList: workerListSchema,
  Stats: statsSchema,
  Delivery: deliverySchema,
  DeliveryList: deliveryListSchema,
  Endpoint: endpointSchema,
  EndpointList: endpointListSchema,
  EndpointSecret: endpointSecretSchema,
  ApiKey: apiKeySchema,
  NewKey: newKeySchema,
  KeyList: keyListSchema,
  Tenant: tenantSchema,
  TenantList: tenantListSchema,
  AuditList: auditListSchema,
  Problem: problemSchema,
  WebhookPayload: webhookEnvelopeSchema.extend({ data: jobSchema }),
  Health: z.object({ status: z.enum(["ok", "ready"]) }),
};

/** The document's schemas, made from the ones that check requests and describe answers. */
export function componentSchemas(): Json {
  return { ...schemasOf(REQUESTS, "input"), ...schemasOf(ANSWERS, "output") };
}

function schemasOf(schemas: Readonly<Record<string, z.ZodType>>, io: "input" | "output"): Json {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, schemaOf(schema, io)]));
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _dialect, ...body } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    // Fields of answers may be added later, so a client must not refuse those that it does not know.
    override: ({ jsonSchema }) => {
      if (io === "output" && jsonSchema.additionalProperties === false)
        delete jsonSchema.additionalProperties;
      // `contentEncoding` says it; as a format it is not in JSON Schema's vocabulary.
      if (jsonSchema.format === "base64") delete jsonSchema.format;
    },
  });
  return body;
}
