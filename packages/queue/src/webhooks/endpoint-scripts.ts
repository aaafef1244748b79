import { AUDIT_LUA } from "../access/audit-log.js";
import { ENDPOINTS_MAX } from "./webhook-limits.js";

const NOW_MS = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(ms) return string.format('%.0f', ms) end
`;

/**
 * Makes an endpoint unless it is there. KEYS 1 the endpoint, 2 those of the tenant. ARGV id, tenant, URL, secret. Gives `ok`
 * and the fields, or `full`.
 */
export const ENSURE_ENDPOINT = {
  name: "ensure endpoint",
  lua: `${NOW_MS}
if redis.call('EXISTS', KEYS[1]) == 0 then
  if redis.call('ZCARD', KEYS[2]) >= ${ENDPOINTS_MAX} then return { 'full' } end
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'tenant', ARGV[2], 'url', ARGV[3], 'secret', ARGV[4],
    'created_ms', text(now), 'version', 0)
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
