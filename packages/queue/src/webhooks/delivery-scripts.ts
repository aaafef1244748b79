import { DELIVERY_LIBRARY } from "./delivery-library.js";
import {
  ATTEMPTS_SHOWN,
  ENDPOINT_ATTEMPTS_MAX,
  LINES_PAGE,
  OUTBOX_POLL_MS,
  TRIAL_ATTEMPTS_MAX,
} from "./webhook-limits.js";

/** A script on deliveries: its name for messages, and its text. */
interface DeliveryScript {
  readonly name: string;
  readonly lua: string;
}

/**
 * Makes a delivery of an event and takes the event out of the outbox, in one. KEYS 1 the delivery, 2 the outbox. ARGV
 * outbox member, id, job, tenant, endpoint, URL, type, sequence, body, place in a trace or empty. Gives `filed`;
 * `overflowed` when it is dead at once as its tenant has too many pending; or `known` when it was there: then its first
 * body stands.
 */
export const FILE_DELIVERY: DeliveryScript = script(
  "file delivery",
  `
local id, endpoint = ARGV[2], ARGV[5]
local outcome = 'known'
if redis.call('EXISTS', KEYS[1]) == 0 then
  outcome = 'filed'
  redis.call('HSET', KEYS[1], 'id', id, 'n', redis.call('INCR', key('number')), 'job', ARGV[3], 'tenant', ARGV[4],
    'endpoint', endpoint, 'url', ARGV[6], 'type', ARGV[7], 'sequence', ARGV[8], 'body', ARGV[9],
    'created_ms', text(now), 'next_ms', text(now), 'turn', 0, 'round', 0, 'attempts', 0)
  if ARGV[10] ~= '' then redis.call('HSET', KEYS[1], 'trace', ARGV[10]) end
  local disabled = standing(endpoint, 1)
  if disabled then
    move(id, 'dead', died_with(disabled))
  elseif full(ARGV[4]) then
    outcome = 'overflowed'
    count('deliveries_overflowed')
    move(id, 'dead', 'too_many_pending')
  else
    move(id, 'pending')
    queue(id)
  end
end
redis.call('ZREM', KEYS[2], ARGV[1])
return { outcome }
`,
);

/**
 * Begins an attempt if it is time and endpoint and tenant have a place. KEYS 1 the delivery. ARGV id, turn. Gives `go` with attempt,
 * attempt of this schedule, the time, and the delivery's and endpoint's fields; `wait` and milliseconds; `parked`: it
 * stands in the endpoint's line and comes back as a new turn; `dead`; `stale`: this turn has nothing to do any more.
 */
export const TAKE_DELIVERY: DeliveryScript = script(
  "take delivery",
  `
local id = ARGV[1]
local status, turn, due, endpoint, tenant, n, attempts, round =
  unpack(read(id, 'status', 'turn', 'next_ms', 'endpoint', 'tenant', 'n', 'attempts', 'round'))
if status ~= 'pending' or turn ~= ARGV[2] then return { 'stale' } end
if tonumber(due) > now then return { 'wait', text(due - now) } end
local disabled, paused, cap = standing(endpoint, ${ENDPOINT_ATTEMPTS_MAX})
local leases = leases_of(endpoint, tenant)
if disabled then
  leave_place(leases, id)
  move(id, 'dead', died_with(disabled))
  return { 'dead' }
end
local free = places(leases, cap)
local own = redis.call('ZSCORE', leases[1], id)
if paused > 0 or (not own and free <= 0) then
  leave_place(leases, id)
  redis.call('HINCRBY', KEYS[1], 'turn', 1)
  redis.call('ZADD', key('line:' .. endpoint), n, id)
  redis.call('ZADD', LINES, text(paused > 0 and paused or now + ${OUTBOX_POLL_MS}), endpoint)
  return { 'parked' }
end
take_place(leases, id)
return { 'go', attempts + 1, round + 1, text(now),
  cjson.encode(redis.call('HGETALL', KEYS[1])), cjson.encode(redis.call('HGETALL', key('endpoint:' .. endpoint))) }
`,
);

/**
 * Ends an attempt. KEYS 1 the delivery. ARGV id, turn, attempt as JSON, verdict (`delivered`, `retry`, `dead`),
 * milliseconds to the next attempt, version of the health that was judged by, the new health's breaker, paused until and
 * disabled, each empty for none. Gives `settled` and how many stand in the endpoint's line; or `changed`,
 * the time and the endpoint's fields when its health is another by now, and nothing is done. An attempt that is in the
 * log already was settled by a call whose answer was lost, and is not counted again: its time and duration tell it from
 * every other attempt of the delivery.
 */
export const SETTLE_DELIVERY: DeliveryScript = script(
  "settle delivery",
  `
local id, verdict = ARGV[1], ARGV[4]
local endpoint, tenant, status, turn = unpack(read(id, 'endpoint', 'tenant', 'status', 'turn'))
if not endpoint then return { 'settled', 0 } end
local log = key('attempts:' .. id)
if redis.call('LPOS', log, ARGV[3]) then return { 'settled', redis.call('ZCARD', key('line:' .. endpoint)) } end
local health = key('endpoint:' .. endpoint)
local version = redis.call('HGET', health, 'version')
if version and version ~= ARGV[6] then
  return { 'changed', text(now), cjson.encode(redis.call('HGETALL', health)) }
end
-- A deleted endpoint has no health, and gets none.
local function put(name, value)
  if not version then return end
  local old = redis.call('HGET', health, name) or ''
  if old == value then return end
  if value == '' then redis.call('HDEL', health, name) else redis.call('HSET', health, name, value) end
  redis.call('HINCRBY', health, 'version', 1)
end
put('breaker', ARGV[7])
put('paused_until_ms', ARGV[8])
put('disabled', ARGV[9])
leave_place(leases_of(endpoint, tenant), id)
redis.call('LPUSH', log, ARGV[3])
redis.call('LTRIM', log, 0, ${ATTEMPTS_SHOWN - 1})
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
if verdict ~= 'delivered' then count('deliveries_failed') end
-- What arrived is delivered, also when its endpoint was disabled or deleted meanwhile.
local counts = status == 'pending' or (status == 'dead' and verdict == 'delivered')
if counts and turn == ARGV[2] then
  redis.call('HINCRBY', KEYS[1], 'round', 1)
  if verdict == 'delivered' then
    redis.call('HSET', KEYS[1], 'delivered_ms', text(now))
    move(id, 'delivered')
  elseif ARGV[9] ~= '' then
    move(id, 'dead', died_with(version and ARGV[9] or 'unknown'))
  elseif verdict == 'dead' then
    move(id, 'dead', 'attempts_used')
  else
    redis.call('HSET', KEYS[1], 'next_ms', text(now + tonumber(ARGV[5])))
  end
end
-- What else waits on a disabled endpoint dies with it, a page at a time.
if version and ARGV[9] ~= '' then redis.call('ZADD', LINES, 0, endpoint) end
return { 'settled', redis.call('ZCARD', key('line:' .. endpoint)) }
`,
);

/** The endpoints that somebody should look at by now, by Redis's clock. KEYS 1 the lines. Gives `due` and their ids. */
export const DUE_LINES: DeliveryScript = script(
  "due lines",
  `return { 'due', unpack(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text(now), 'LIMIT', 0, ${LINES_PAGE})) }`,
);

/**
 * Looks at an endpoint on which deliveries wait: hands as many to BullMQ as it has places, each with a place of its own;
 * none while its circuit is open; makes dead letters of all when it is disabled. KEYS 1 the endpoint. ARGV id. Gives
 * `released` or `died`, and how many.
 */
export const RELEASE_LINE: DeliveryScript = script(
  "release line",
  `
local endpoint = ARGV[1]
local line, open = key('line:' .. endpoint), key('open:' .. endpoint)
local disabled, paused, cap = standing(endpoint, ${ENDPOINT_ATTEMPTS_MAX})
local done = 0
if disabled then
  for _, id in ipairs(redis.call('ZRANGE', open, 0, ${LINES_PAGE - 1})) do
    if read(id, 'status')[1] then move(id, 'dead', died_with(disabled)) else redis.call('ZREM', open, id) end
    done = done + 1
  end
  if redis.call('ZCARD', open) == 0 then redis.call('ZREM', LINES, endpoint) end
  return { 'died', done }
end
local leases = leases_of(endpoint, redis.call('HGET', KEYS[1], 'tenant'))
local free = places(leases, cap)
while done < free do
  local id = redis.call('ZPOPMIN', line)[1]
  if not id then break end
  if read(id, 'status')[1] == 'pending' then
    take_place(leases, id)
    queue(id)
    done = done + 1
  end
end
if redis.call('ZCARD', line) == 0 then
  redis.call('ZREM', LINES, endpoint)
else
  redis.call('ZADD', LINES, text(paused > 0 and paused or now + ${OUTBOX_POLL_MS}), endpoint)
end
return { 'released', done }
`,
);

/**
 * Begins a new schedule. KEYS 1 the delivery. ARGV id, tenant. Gives `ok`; `gone`; `disabled` and why its endpoint is; or
 * `full` when its tenant has too many pending.
 */
export const REDELIVER: DeliveryScript = script(
  "redeliver",
  `
local id = ARGV[1]
local tenant, endpoint, status = unpack(read(id, 'tenant', 'endpoint', 'status'))
if tenant ~= ARGV[2] then return { 'gone' } end
local disabled = standing(endpoint, 1)
if disabled then return { 'disabled', disabled } end
if status ~= 'pending' and full(tenant) then return { 'full' } end
-- Who asks for it has mended the receiver, so it probes a circuit that is open; when that fails, the pause stands. It has
-- the probe's place from here on: another that waits would take it, and leave this one to the next pause.
if select(2, standing(endpoint, 1)) > 0 then
  redis.call('HSET', key('endpoint:' .. endpoint), 'paused_until_ms', text(now))
  local leases = leases_of(endpoint, tenant)
  if places(leases, ${TRIAL_ATTEMPTS_MAX}) > 0 then take_place(leases, id) end
end
redis.call('HSET', KEYS[1], 'round', 0, 'next_ms', text(now))
redis.call('HDEL', KEYS[1], 'delivered_ms')
redis.call('ZREM', key('line:' .. endpoint), id)
move(id, 'pending')
queue(id)
return { 'ok' }
`,
);

function script(name: string, body: string): DeliveryScript {
  return { name, lua: `${DELIVERY_LIBRARY}${body}` };
}
