import { AUDIT_LUA } from "../access/audit-log.js";
import { WEBHOOK_PREFIX } from "./webhook-keys.js";
import {
  ENDPOINT_DELETED_SECONDS,
  ENDPOINT_ROOM_TRIES,
  ENDPOINT_UNUSED_MS,
  ENDPOINT_USE_NOTE_MS,
  ENDPOINTS_MAX,
  LEASE_MS,
} from "./webhook-limits.js";

const NOW_MS = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(ms) return string.format('%.0f', ms) end
`;

/**
 * Makes an endpoint unless it is there, and notes that it is used. A tenant that has no more loses for it the one that was
 * used least lately, if that is long enough ago and nothing is pending to it. KEYS 1 the endpoint, 2 those of the tenant, 3
 * the note of its deletion. ARGV id, tenant, URL, secret. Gives `ok` and the fields, or `full`.
 */
export const ENSURE_ENDPOINT = {
  name: "ensure endpoint",
  lua: `${NOW_MS}
local function make_room()
  local unused = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', text(now - ${ENDPOINT_UNUSED_MS}),
    'LIMIT', 0, ${ENDPOINT_ROOM_TRIES})
  for _, id in ipairs(unused) do
    if redis.call('ZCARD', '${WEBHOOK_PREFIX}open:' .. id) == 0 then
      redis.call('UNLINK', '${WEBHOOK_PREFIX}endpoint:' .. id)
      redis.call('ZREM', KEYS[2], id)
      return true
    end
  end
end
local used
if redis.call('EXISTS', KEYS[1]) == 0 then
  if redis.call('ZCARD', KEYS[2]) >= ${ENDPOINTS_MAX} and not make_room() then return { 'full' } end
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'tenant', ARGV[2], 'url', ARGV[3], 'secret', ARGV[4],
    'created_ms', text(now), 'version', 0)
  redis.call('DEL', KEYS[3])
else
  used = redis.call('HGET', KEYS[1], 'used_ms')
end
if not used or now - used >= ${ENDPOINT_USE_NOTE_MS} then
  redis.call('HSET', KEYS[1], 'used_ms', text(now))
  redis.call('ZADD', KEYS[2], text(now), ARGV[1])
end
return { 'ok', unpack(redis.call('HGETALL', KEYS[1])) }
`,
};

/**
 * Puts a new secret before the present one. KEYS 1 the endpoint, 2 the audit log. ARGV tenant, secret, milliseconds of the
 * overlap, audit entry. Gives `ok` and the fields, or `gone`.
 */
export const ROTATE_SECRET = {
  name: "rotate secret",
  lua: `${NOW_MS}${AUDIT_LUA}
if redis.call('HGET', KEYS[1], 'tenant') ~= ARGV[1] then return { 'gone' } end
redis.call('HSET', KEYS[1], 'previous_secret', redis.call('HGET', KEYS[1], 'secret'),
  'previous_until_ms', text(now + tonumber(ARGV[3])), 'secret', ARGV[2])
audit(KEYS[2], ARGV[4])
return { 'ok', unpack(redis.call('HGETALL', KEYS[1])) }
`,
};

/**
 * Takes an endpoint into service again, its circuit closed; what waits on it is looked at next. KEYS 1 the endpoint, 2 the
 * lines, 3 the audit log. ARGV tenant, id, audit entry. Gives `ok` and the fields, or `gone`.
 */
export const ENABLE_ENDPOINT = {
  name: "enable endpoint",
  lua: `${AUDIT_LUA}
if redis.call('HGET', KEYS[1], 'tenant') ~= ARGV[1] then return { 'gone' } end
redis.call('HDEL', KEYS[1], 'disabled', 'paused_until_ms', 'breaker')
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('ZADD', KEYS[2], 0, ARGV[2])
audit(KEYS[3], ARGV[3])
return { 'ok', unpack(redis.call('HGETALL', KEYS[1])) }
`,
};

/**
 * Forgets an endpoint; what is pending to it is looked at next and dies. KEYS 1 the endpoint, 2 those of the tenant, 3 the
 * note of its deletion, 4 its leases, 5 the lines, 6 the audit log. ARGV tenant, id, audit entry. Gives `ok`, `again` when it
 * was done lately, or `gone`.
 */
export const DELETE_ENDPOINT = {
  name: "delete endpoint",
  lua: `${AUDIT_LUA}
if redis.call('HGET', KEYS[1], 'tenant') ~= ARGV[1] then
  return { redis.call('GET', KEYS[3]) == ARGV[1] and 'again' or 'gone' }
end
redis.call('UNLINK', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('SET', KEYS[3], ARGV[1], 'EX', ${ENDPOINT_DELETED_SECONDS})
-- Nobody looks at the places any more; those of attempts that are under way end by themselves.
redis.call('PEXPIRE', KEYS[4], ${2 * LEASE_MS})
redis.call('ZADD', KEYS[5], 0, ARGV[2])
audit(KEYS[6], ARGV[3])
return { 'ok' }
`,
};
