import { IDEMPOTENCY_SECONDS } from "../limits.js";
import { jobScript } from "./library.js";
import type { Script } from "./script.js";

/**
 * Takes a job in, once the farm and the tenant have room for it. KEYS 3 the idempotency key, if there is one. ARGV id,
 * tenant, model, class, created_at, frames, steps, units of one step, parameters, body hash, `start_before` ms or 0,
 * webhook, its events, predicted ms or 0, lower and upper bound of the prediction in thousandths of it, the tenant's
 * most cost in units, its most frames, the farm's most frames (0 for no limit).
 * Gives `created`, `known` or `conflict` and the job's id; or `quota`, the limit's name, what is there and what is
 * allowed; or `full`.
 */
export const CREATE: Script = jobScript(
  "create",
  `
local tenant, frames = ARGV[2], tonumber(ARGV[6])
if KEYS[3] then
  local known = redis.call('GET', KEYS[3])
  if known then
    local first = cjson.decode(known)
    return { first.hash == ARGV[10] and 'known' or 'conflict', first.job }
  end
end
if redis.call('EXISTS', record) == 1 then return { 'known', id } end
local units = tonumber(ARGV[7]) * tonumber(ARGV[8]) * frames
local usage = redis.call('HMGET', root .. ':usage:' .. tenant, 'cost', 'frames')
local cost_open, frames_open = tonumber(usage[1] or 0), tonumber(usage[2] or 0)
local cost_max, frames_max, farm_max = tonumber(ARGV[17]), tonumber(ARGV[18]), tonumber(ARGV[19])
if cost_max > 0 and cost_open + units > cost_max then
  return { 'quota', 'queued_cost_max', whole(cost_open), whole(cost_max) }
end
if frames_max > 0 and frames_open + frames > frames_max then
  return { 'quota', 'concurrent_frames_max', whole(frames_open), whole(frames_max) }
end
if tonumber(redis.call('HGET', root .. ':usage', 'frames') or 0) + frames > farm_max then return { 'full' } end
if KEYS[3] then
  redis.call('SET', KEYS[3], cjson.encode({ job = id, hash = ARGV[10] }), 'EX', ${IDEMPOTENCY_SECONDS})
end
local now = whole(now_ms())
redis.call('HSET', record, 'status', 'queued', 'tenant', tenant, 'model', ARGV[3], 'class', ARGV[4],
  'created_at', ARGV[5], 'created_ms', now, 'frames', frames, 'steps', ARGV[7], 'step_units', ARGV[8],
  'next', 0, 'rest', 'queued', 'open', 0)
redis.call('SET', root .. ':params:' .. id, ARGV[9])
redis.call('ZADD', index_key('queued'), 0, id)
if ARGV[11] ~= '0' then
  set('start_before_ms', ARGV[11])
  redis.call('ZADD', root .. ':due', ARGV[11], id)
end
if ARGV[12] ~= '' then redis.call('HSET', record, 'hook', ARGV[12], 'hook_events', ARGV[13]) end
if ARGV[14] ~= '0' then redis.call('HSET', record, 'eta_ms', ARGV[14], 'eta_low', ARGV[15], 'eta_high', ARGV[16]) end
book('none', 'queued', frames)
count('jobs_submitted')
join_flow(frames)
emit('job.queued', '{"frames":' .. frames .. '}')
return { 'created', id }
`,
);

/** Frames that were released and that no worker has: what a cancel and an expiry end at once. Gives their indices. */
const END_WAITING = `
local function end_waiting(to)
  local gone, released = {}, num('next')
  for i = 0, released - 1 do
    if frame_status(i) == 'queued' then
      move_frame(i, to)
      redis.call('ZREM', root .. ':released:' .. get('model'), id .. '-' .. i)
      gone[#gone + 1] = tostring(i)
    end
  end
  redis.call('DEL', root .. ':again:' .. id)
  local rest = num('frames') - released
  if rest > 0 and get('rest') == 'queued' then
    set('rest', to)
    book('queued', to, rest)
  end
  return gone
end
`;

/**
 * Cancels a job: what waits goes at once, what runs is marked. KEYS 3 the channel. Gives `gone`, or `ok` and the indices
 * of frames that may still be in BullMQ's queue.
 */
export const CANCEL: Script = jobScript(
  "cancel",
  `${END_WAITING}
local status = get('status')
if not status then return { 'gone' } end
if TERMINAL[status] then return { 'ok' } end
set('cancel', 1)
local gone = end_waiting('canceled')
settle()
redis.call('PUBLISH', KEYS[3], id)
table.insert(gone, 1, 'ok')
return gone
`,
);

/**
 * Expires a job that should have started by now and has not. Gives `gone`, `kept` (it runs, has ended or has time left),
 * `busy` (a worker has just taken a frame of it) or `ok` and the indices of frames that may still be in BullMQ's queue.
 */
export const EXPIRE: Script = jobScript(
  "expire",
  `${END_WAITING}
local status = get('status')
if status ~= 'queued' or not get('start_before_ms') then
  redis.call('ZREM', root .. ':due', id)
  return { status and 'kept' or 'gone' }
end
if now_ms() < num('start_before_ms') then return { 'kept' } end
for i = 0, num('next') - 1 do
  if frame(i, 'open') == '1' then return { 'busy' } end
end
local gone = end_waiting('expired')
settle()
table.insert(gone, 1, 'ok')
return gone
`,
);

/**
 * Queues the failed frames of an ended job again, with fresh budgets. Gives `gone`, `nothing`, or `ok` and how many.
 */
export const RETRY: Script = jobScript(
  "retry",
  `
local status = get('status')
if not status then return { 'gone' } end
if status ~= 'failed' then return { 'nothing' } end
local again, n = root .. ':again:' .. id, 0
redis.call('HDEL', record, 'cancel', 'error', 'finished_ms', 'eta_ms', 'start_before_ms')
for i = 0, num('next') - 1 do
  if frame(i, 'status') == 'failed' then
    move_frame(i, 'queued')
    local step = tonumber(frame(i, 'step') or 0)
    if step ~= 0 then redis.call('HINCRBY', record, 'stepped', -step) end
    for _, name in ipairs({ 'error', 'tries', 'lost', 'interrupted', 'failed_on', 'saved', 'step', 'open' }) do
      redis.call('HDEL', record, i .. ':' .. name)
    end
    redis.call('RPUSH', again, i)
    n = n + 1
  end
end
for _, key in ipairs({ record, stream, root .. ':params:' .. id }) do redis.call('PERSIST', key) end
redis.call('ZREM', root .. ':ended', id .. '|' .. get('tenant') .. '|failed')
redis.call('ZREM', root .. ':unfiled', id)
move_job('queued')
join_flow(n)
emit('job.retried', '{"frames":' .. n .. '}')
return { 'ok', tostring(n) }
`,
);

/**
 * Strikes an ended job off the list of those whose history is not yet written, unless it has ended again since. ARGV the
 * time at which it had ended, as it stood on the list. Gives `ok`.
 */
export const FILED: Script = jobScript(
  "filed",
  `
if redis.call('ZSCORE', root .. ':unfiled', id) == ARGV[1] then redis.call('ZREM', root .. ':unfiled', id) end
return { 'ok' }
`,
);
