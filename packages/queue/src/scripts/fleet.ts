import { MODEL_KEPT_MS, STORE_SECONDS, WORKER_KEPT_MS } from "../limits.js";
import type { Script } from "./bodies.js";

const NOW_MS = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(ms) return string.format('%.0f', ms) end
`;

/**
 * A worker's heartbeat, by Redis's own clock; forgets the workers and models that are silent for too long, so that
 * neither grows for ever. KEYS 1 the workers, 2 the heartbeat, 3 the models, 4 the times of the models, 5 the store.
 * ARGV worker id, worker, model name, model. Gives `ok`.
 */
export const ANNOUNCE: Script = {
  name: "announce",
  lua: `${NOW_MS}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ${WORKER_KEPT_MS}))
redis.call('ZADD', KEYS[1], text(now), ARGV[1])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ${WORKER_KEPT_MS})
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', text(now - ${MODEL_KEPT_MS}))) do
  redis.call('HDEL', KEYS[3], name)
  redis.call('ZREM', KEYS[4], name)
end
redis.call('HSET', KEYS[3], ARGV[3], ARGV[4])
redis.call('ZADD', KEYS[4], text(now), ARGV[3])
redis.call('EXPIRE', KEYS[5], ${STORE_SECONDS})
return { 'ok' }
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
