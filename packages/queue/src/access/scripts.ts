import type { Script } from "../scripts/script.js";
import { AUDIT_LUA } from "./audit-log.js";
import { KEYS_MAX, TENANTS_MAX } from "./limits.js";

/** Adds a tenant's name to the known ones; false when there are as many as there may be. */
const ADD_TENANT_LUA = `
local function add_tenant(tenants, name)
  if redis.call('SISMEMBER', tenants, name) == 1 then return true end
  if redis.call('SCARD', tenants) >= ${TENANTS_MAX} then return false end
  redis.call('SADD', tenants, name)
  return true
end
`;

/**
 * Keeps a new key. KEYS keys, revoked, tenants, version, audit. ARGV id, record, tenant, new version, audit entry. Gives
 * `created`, `keys_full`, `tenants_full`, or `taken` when the id is in use. When there are as many keys as there may be,
 * the one that was revoked first goes.
 */
export const CREATE_KEY: Script = script(
  "create_key",
  `
local id = ARGV[1]
if redis.call('HEXISTS', KEYS[1], id) == 1 then return { 'taken' } end
local gone, gone_at
if redis.call('HLEN', KEYS[1]) >= ${KEYS_MAX} then
  local revoked = redis.call('HGETALL', KEYS[2])
  for i = 1, #revoked, 2 do
    if not gone or revoked[i + 1] < gone_at then gone, gone_at = revoked[i], revoked[i + 1] end
  end
  if not gone then return { 'keys_full' } end
end
if not add_tenant(KEYS[3], ARGV[3]) then return { 'tenants_full' } end
if gone then
  redis.call('HDEL', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
end
redis.call('HSET', KEYS[1], id, ARGV[2])
redis.call('SET', KEYS[4], ARGV[4])
audit(KEYS[5], ARGV[5])
return { 'created' }`,
);

/**
 * Revokes a key. KEYS keys, revoked, version, audit. ARGV id, time, new version, audit entry. Gives `missing`, or
 * `revoked` and when that was: the first time stands.
 */
export const REVOKE_KEY: Script = script(
  "revoke_key",
  `
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return { 'missing' } end
if redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2]) == 1 then
  redis.call('SET', KEYS[3], ARGV[3])
  audit(KEYS[4], ARGV[4])
end
return { 'revoked', redis.call('HGET', KEYS[2], ARGV[1]) }`,
);

/**
 * Sets a tenant, in the place of what was set. KEYS tenant, tenants, version, audit. ARGV name, new version, audit
 * entry, then the fields of the hash and their values. Gives `set` or `tenants_full`.
 */
export const SET_TENANT: Script = script(
  "set_tenant",
  `
if not add_tenant(KEYS[2], ARGV[1]) then return { 'tenants_full' } end
redis.call('DEL', KEYS[1])
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('SET', KEYS[3], ARGV[2])
audit(KEYS[4], ARGV[3])
return { 'set' }`,
);

function script(name: string, body: string): Script {
  return { name, lua: `${AUDIT_LUA}${ADD_TENANT_LUA}${body}` };
}
