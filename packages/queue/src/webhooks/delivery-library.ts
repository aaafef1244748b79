import { PREFIX } from "../keys.js";
import { UNQUEUED_KEY, WEBHOOK_PREFIX } from "./webhook-keys.js";
import {
  DEAD_SECONDS,
  DELIVERED_SECONDS,
  ENDED_DELIVERIES_MAX,
  JOB_LOG_SECONDS,
  LEASE_MS,
  PENDING_DELIVERIES_MAX,
  TENANT_ATTEMPTS_MAX,
  TRIAL_ATTEMPTS_MAX,
} from "./webhook-limits.js";

/**
 * The head of every script on deliveries. They reach keys that are not declared, such as an endpoint's line: all have the
 * farm's hash tag, so they are in the slot of the key that is.
 *
 * A delivery is a hash: `id n job tenant endpoint url type sequence body status dead_reason created_ms delivered_ms next_ms
 * turn round attempts`. `n` numbers all deliveries; `turn` counts how often it was handed to BullMQ, and only the newest turn
 * counts; `round` counts the attempts of the present schedule, `attempts` all of them; `dead_reason` says why it is dead.
 *
 * An endpoint's health: `breaker` (the state of its circuit breaker as JSON, absent while all is well), `paused_until_ms`
 * (out of it, for the scripts), `disabled`, and `version`, which counts their changes.
 */
export const DELIVERY_LIBRARY = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(ms) return string.format('%.0f', ms) end
local function key(name) return '${WEBHOOK_PREFIX}' .. name end
local LINES = key('lines')
local ENDED = { delivered = ${DELIVERED_SECONDS}, dead = ${DEAD_SECONDS} }

local function count(name) redis.call('HINCRBY', '${PREFIX}:counters', name, 1) end
local function read(id, ...) return redis.call('HMGET', key('delivery:' .. id), ...) end

local function forget(id)
  redis.call('UNLINK', key('delivery:' .. id), key('attempts:' .. id))
end

-- Whether a tenant has as many pending deliveries as it may.
local function full(tenant)
  return redis.call('ZCARD', key('log:' .. tenant .. ':pending')) >= ${PENDING_DELIVERIES_MAX}
end

-- Changes the status, and what a delivery is found by; with the reason when it is dead.
local function move(id, to, reason)
  local record, attempts = key('delivery:' .. id), key('attempts:' .. id)
  local tenant, status, n, endpoint, job = unpack(read(id, 'tenant', 'status', 'n', 'endpoint', 'job'))
  if status == to then return end
  local log = key('log:' .. tenant)
  if status then redis.call('ZREM', log .. ':' .. status, id) end
  redis.call('ZADD', log .. ':' .. to, n, id)
  redis.call('ZADD', log, n, id)
  redis.call('ZADD', key('job:' .. job), n, id)
  redis.call('EXPIRE', key('job:' .. job), ${JOB_LOG_SECONDS})
  redis.call('HSET', record, 'status', to)
  if reason then
    redis.call('HSET', record, 'dead_reason', reason)
  else
    redis.call('HDEL', record, 'dead_reason')
  end
  if to == 'pending' then
    redis.call('ZADD', key('open:' .. endpoint), n, id)
    redis.call('PERSIST', record)
    redis.call('PERSIST', attempts)
    return
  end
  redis.call('ZREM', key('open:' .. endpoint), id)
  redis.call('ZREM', key('line:' .. endpoint), id)
  redis.call('EXPIRE', record, ENDED[to])
  redis.call('EXPIRE', attempts, ENDED[to])
  count('deliveries_' .. to)
  if redis.call('ZCARD', log .. ':' .. to) > ${ENDED_DELIVERIES_MAX} then
    local oldest = redis.call('ZPOPMIN', log .. ':' .. to)[1]
    redis.call('ZREM', log, oldest)
    forget(oldest)
  end
end

-- Hands the delivery to BullMQ anew: whatever of an earlier turn is still there does nothing any more.
local function queue(id)
  local turn = redis.call('HINCRBY', key('delivery:' .. id), 'turn', 1)
  redis.call('ZADD', '${UNQUEUED_KEY}', text(now), id .. '|' .. turn)
end

-- Gives why the endpoint is disabled, until when its circuit is open (0 when closed), and how many attempts it may have
-- at once, which is fewer until an attempt after a pause has gone well.
local function standing(endpoint, cap)
  local id, disabled, paused =
    unpack(redis.call('HMGET', key('endpoint:' .. endpoint), 'id', 'disabled', 'paused_until_ms'))
  if not id then return 'unknown', 0, 0 end
  local till = tonumber(paused or 0)
  if till > now then return disabled, till, 0 end
  return disabled, 0, till > 0 and ${TRIAL_ATTEMPTS_MAX} or cap
end

-- Why what waits on an endpoint dies, of what standing says.
local function died_with(disabled)
  return 'endpoint_' .. (disabled == 'unknown' and 'deleted' or disabled)
end

-- The leases of an endpoint and of its tenant.
local function leases_of(endpoint, tenant)
  return { key('leases:' .. endpoint), key('tenant-leases:' .. tenant) }
end

-- How many more attempts there may be now. What ends too far ahead was taken before the clock was set back.
local function places(leases, cap)
  local free
  for i, most in ipairs({ cap, ${TENANT_ATTEMPTS_MAX} }) do
    redis.call('ZREMRANGEBYSCORE', leases[i], '-inf', text(now))
    redis.call('ZREMRANGEBYSCORE', leases[i], text(now + ${2 * LEASE_MS}), '+inf')
    local left = most - redis.call('ZCARD', leases[i])
    if not free or left < free then free = left end
  end
  return free
end

local function take_place(leases, id)
  for _, held in ipairs(leases) do redis.call('ZADD', held, text(now + ${LEASE_MS}), id) end
end

local function leave_place(leases, id)
  for _, held in ipairs(leases) do redis.call('ZREM', held, id) end
end
`;
