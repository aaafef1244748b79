export {
  type CallOptions,
  createLatentfarmClient,
  type DeliveryPage,
  type FrameOptions,
  type FramePage,
  type JobPage,
  type LatentfarmClient,
  type ListOptions,
  type Picture,
  type RetryOptions,
  type Submission,
  type SubmitOptions,
} from "./latentfarm-client.js";
export { type ClientErrorCode, LatentfarmError, type LatentfarmErrorOptions } from "./latentfarm-error.js";
export type { EventOptions } from "./read-events.js";
export type { ClientOptions } from "./transport.js";
export {
  verifyWebhook,
  type WebhookFault,
  type WebhookVerification,
  WebhookVerificationError,
} from "./verify-webhook.js";
