import { FarmError, SCOPES, type Scope, TENANT_DEFAULT } from "@latentfarm/contract";
import type { Request } from "express";
import type { GatewayContext } from "../context.js";
import { type Caller, callerOfKey, hasScope } from "./caller.js";
import { isLoopbackAddress, isLoopbackAuthority, isLoopbackOrigin } from "./loopback.js";

/** The only form: a key in a query would stand in logs, and a second header would leave open which one counts. */
const BEARER = /^Bearer +([A-Za-z0-9_]+)$/i;

/** What a reverse proxy adds. One on this machine reaches a loopback address for callers that are anywhere. */
const PROXY_HEADERS = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
  "via",
] as const;

/** Part of the context that tells who calls. */
type AuthenticationContext = Pick<GatewayContext, "access" | "isLoopback">;

/**
 * Who calls, once it is certain that they may. A farm without keys takes every call that comes from a program or page
 * of its own machine, if the gateway listens on this machine alone.
 * @throws {FarmError} unauthorized; forbidden; rate_limited; queue_unavailable
 */
export async function authenticate(
  context: AuthenticationContext,
  request: Request,
  scope: Scope,
): Promise<Caller> {
  if (await isOpen(context, request)) return openCaller(context, request);
  const caller = await keyCaller(context, request);
  if (hasScope(caller, scope)) return caller;
  const message = `holds a key without the scope ${scope}: its scopes are ${caller.scopes.join(", ")}`;
  throw refusal("forbidden", AUTHORIZATION, message);
}

const AUTHORIZATION = "headers.authorization";

/**
 * Whether the farm has no keys. Who shows a key has it looked for: the first one may have been made elsewhere a moment
 * ago, and its tenant's jobs must not become those of an open farm.
 */
async function isOpen({ access }: AuthenticationContext, request: Request): Promise<boolean> {
  if (await access.hasKeys()) return false;
  const [, key] = BEARER.exec(request.headers.authorization ?? "") ?? [];
  if (key === undefined) return true;
  return (await access.authenticate(key)) === undefined && !(await access.hasKeys());
}

async function openCaller({ access, isLoopback }: AuthenticationContext, request: Request): Promise<Caller> {
  if (!isLoopback) {
    const message = "must be Bearer and an API key, and the farm has none: make one with ./farm keys create";
    throw refusal("unauthorized", AUTHORIZATION, message);
  }
  assertLocal(request);
  return { tenant: await access.getTenant(TENANT_DEFAULT), scopes: SCOPES, actor: "open" };
}

/**
 * A page of any site can send requests to this machine: by its own name that a name server points here (the `Host`
 * then is that name), or across origins (the `Origin` then is its own). A proxy here hands on anyone's.
 */
function assertLocal(request: Request): void {
  const why = "while the farm has no keys (make one with ./farm keys create)";
  if (!isLoopbackAddress(request.socket.remoteAddress))
    throw refusal("forbidden", "connection", `must come from this machine ${why}`);
  const added = PROXY_HEADERS.find((name) => request.headers[name] !== undefined);
  if (added !== undefined) throw refusal("forbidden", `headers.${added}`, `must be absent ${why}`);
  if (!isLoopbackAuthority(request.headers.host)) {
    const message = `must name this machine, such as localhost, ${why}`;
    throw refusal("forbidden", "headers.host", message);
  }
  const { origin } = request.headers;
  if (origin !== undefined && !isLoopbackOrigin(origin)) {
    const message = `must be absent or of this machine ${why}`;
    throw refusal("forbidden", "headers.origin", message);
  }
}

async function keyCaller({ access }: AuthenticationContext, request: Request): Promise<Caller> {
  const header = request.headers.authorization;
  const [, key] = BEARER.exec(header ?? "") ?? [];
  if (key === undefined) {
    const message = `must be Bearer and an API key, is ${header === undefined ? "absent" : "of another form"}`;
    throw refusal("unauthorized", AUTHORIZATION, message);
  }
  const found = await access.authenticate(key);
  if (found === undefined) {
    const message = "holds a key that does not exist or was revoked";
    throw refusal("unauthorized", AUTHORIZATION, message);
  }
  if (found.key.requests_per_minute !== null) await access.countRequest(found.key);
  return callerOfKey(found);
}

function refusal(code: "unauthorized" | "forbidden", path: string, message: string): FarmError {
  return new FarmError(code, `Cannot serve the request as ${path} ${message}`, {
    details: { errors: [{ path, message }] },
  });
}
