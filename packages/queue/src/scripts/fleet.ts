import { MODEL_KEPT_MS, STORE_SECONDS, WORKER_KEPT_MS } from "../limits.js";
import type { Script } from "./script.js";

const NOW_MS = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(ms) return string.format('%.0f', ms) end
`;

/**
 * What the queue needs of each worker, as `model frames rate` (rate `-` before the first frame): small, since estimates
 * read it of a thousand workers at once. The frames are added up per model, so that the queue knows how many lie ready.
 */
const SLOTS = `
local function set_slots(slots, id, model, count, rate)
  local known = redis.call('HGET', slots, id)
  local was_model, was_count = string.match(known or '', '^(.*) (%d+) [^ ]+$')
  local root = string.match(slots, '^(.*):fleet:slots$')
  if was_model then redis.call('HINCRBY', root .. ':fair:' .. was_model, 'slots', -was_count) end
  if model then
    redis.call('HSET', slots, id, model .. ' ' .. count .. ' ' .. rate)
    redis.call('HINCRBY', root .. ':fair:' .. model, 'slots', count)
  else
    redis.call('HDEL', slots, id)
  end
end
`;

/**
 * A worker's heartbeat, by Redis's own clock; forgets the workers and models that are silent for too long, so that
 * neither grows for ever. KEYS 1 the workers, 2 the heartbeat, 3 the models, 4 the times of the models, 5 the store,
 * 6 the slots. ARGV worker id, worker, model name, model, model as its queue names it, frames at once (0 for a sick one),
 * rate or `-`. Gives `ok`.
 */
export const ANNOUNCE: Script = {
  name: "announce",
  lua: `${NOW_MS}${SLOTS}
local gone = text(now - ${WORKER_KEPT_MS})
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', gone)) do set_slots(KEYS[6], id) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', gone)
redis.call('ZADD', KEYS[1], text(now), ARGV[1])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ${WORKER_KEPT_MS})
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', text(now - ${MODEL_KEPT_MS}))) do
  redis.call('HDEL', KEYS[3], name)
  redis.call('ZREM', KEYS[4], name)
end
redis.call('HSET', KEYS[3], ARGV[3], ARGV[4])
redis.call('ZADD', KEYS[4], text(now), ARGV[3])
redis.call('EXPIRE', KEYS[5], ${STORE_SECONDS})
set_slots(KEYS[6], ARGV[1], ARGV[5], ARGV[6], ARGV[7])
return { 'ok' }
`,
};

/** Forgets a worker that leaves. KEYS 1 the workers, 2 the heartbeat, 3 the slots. ARGV worker id. Gives `ok`. */
export const RETIRE: Script = {
  name: "retire",
  lua: `${SLOTS}
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
set_slots(KEYS[3], ARGV[1])
return { 'ok' }
`,
};

/** The strengths of the live workers that are well. KEYS 1 the workers, 2 the slots. Gives `ok` and a text of each. */
export const STRENGTHS: Script = {
  name: "strengths",
  lua: `${NOW_MS}
local out = { 'ok' }
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], text(now - ${WORKER_KEPT_MS}), '+inf')) do
  local known = redis.call('HGET', KEYS[2], id)
  if known and not string.find(known, ' 0 [^ ]+$') then out[#out + 1] = known end
end
return out
`,
};

/**
 * Binds the farm to a store. KEYS 1 the store. ARGV id, place. Gives `ok`, or `other` and the place of the store that it
 * is bound to.
 */
export const CLAIM_STORE: Script = {
  name: "claim store",
  lua: `
local known = redis.call('HMGET', KEYS[1], 'id', 'place')
if known[1] and known[1] ~= ARGV[1] then return { 'other', known[2] } end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'place', ARGV[2])
redis.call('EXPIRE', KEYS[1], ${STORE_SECONDS})
return { 'ok' }
`,
};
