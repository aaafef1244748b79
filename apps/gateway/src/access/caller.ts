import type { ApiKey, Scope, Tenant } from "@latentfarm/contract";
import type { Actor } from "@latentfarm/queue";

/** Who stands behind a request: one tenant, and what it may do. */
export interface Caller {
  /** Every job, event, picture, endpoint and delivery that is shown is this tenant's. */
  readonly tenant: Tenant;
  readonly scopes: readonly Scope[];
  /** As the audit log names it. */
  readonly actor: Actor;
}

/** The scopes that allow what a route asks for: who may submit may read what became of it. */
const GRANTED_BY: Readonly<Record<Scope, readonly Scope[]>> = {
  read: ["read", "submit"],
  submit: ["submit"],
  admin: ["admin"],
};

/** True when a caller may do what needs the scope. */
export function hasScope(caller: Pick<Caller, "scopes">, needed: Scope): boolean {
  return GRANTED_BY[needed].some((scope) => caller.scopes.includes(scope));
}

/** The caller that a live key stands for. */
export function callerOfKey({ key, tenant }: { readonly key: ApiKey; readonly tenant: Tenant }): Caller {
  return { tenant, scopes: key.scopes, actor: `key:${key.id}` };
}
