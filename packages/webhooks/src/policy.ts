/** Which addresses webhooks may be sent to. Whatever is not allowed by name here is refused. */
export interface WebhookPolicy {
  /** Whether plain `http:` is allowed beside `https:`. */
  readonly allowHttp: boolean;
  /** Whether 127.0.0.0/8, ::1 and the names that mean them are allowed. Nothing opens any other private range. */
  readonly allowLoopback: boolean;
  /** The ports that may be named or implied. */
  readonly ports: readonly number[] | "any";
}

/** The ports that web servers listen on: others are those of databases, mail and caches, which a POST can confuse. */
const WEB_PORTS: readonly number[] = [80, 443, 8080, 8443];

/** What a farm in a network does unless its operator says otherwise: https to public addresses on web ports. */
export const STRICT_POLICY: WebhookPolicy = { allowHttp: false, allowLoopback: false, ports: WEB_PORTS };

/** A farm on a laptop, and the farm's own tests: receivers on the same machine too. By explicit setting only. */
export const LAPTOP_POLICY: WebhookPolicy = { allowHttp: true, allowLoopback: true, ports: "any" };

/** What an operator says of where webhooks may go. */
export interface WebhookSettings {
  /** True for a farm on a laptop. */
  readonly loopback: boolean;
  /** The ports, in the place of the policy's own. */
  readonly ports?: readonly number[] | undefined;
}

/** The policy of a farm; the gateway that takes addresses and the courier that calls them must be set alike. */
export function webhookPolicyOf({ loopback, ports }: WebhookSettings): WebhookPolicy {
  const policy = loopback ? LAPTOP_POLICY : STRICT_POLICY;
  return ports === undefined ? policy : { ...policy, ports };
}
