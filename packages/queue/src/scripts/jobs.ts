import { IDEMPOTENCY_SECONDS, UNIT_PIXEL_STEPS } from "../limits.js";
import { jobScript } from "./library.js";
import type { Script } from "./script.js";

/** Units of work of a megapixel-step. */
const UNITS_PER_COST = 1e6 / UNIT_PIXEL_STEPS;

/**
 * Takes a job in, once the farm and the tenant have room for it. KEYS 3 the idempotency key, if there is one. ARGV id,
 * tenant, model, class, created_at, frames, steps, units of one step, parameters, body hash, milliseconds until it expires or 0,
 * webhook, its events, predicted ms or 0, lower and upper bound of the prediction in thousandths of it, the tenant's
 * most cost in units, its most frames, the farm's most frames (0 for no limit), its place in a trace or empty.
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
if redis.call('EXISTS', root .. ':memory-full') == 1 then return { 'full' } end
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
  local before = whole(now_ms() + tonumber(ARGV[11]))
  set('start_before_ms', before)
  redis.call('ZADD', root .. ':due', before, id)
end
if ARGV[12] ~= '' then redis.call('HSET', record, 'hook', ARGV[12], 'hook_events', ARGV[13]) end
if ARGV[20] ~= '' then set('trace', ARGV[20]) end
if ARGV[14] ~= '0' then redis.call('HSET', record, 'eta_ms', ARGV[14], 'eta_low', ARGV[15], 'eta_high', ARGV[16]) end
book('none', 'queued', frames)
count('jobs_submitted')
join_flow(frames)
emit('job.queued', '{"frames":' .. frames .. '}')
return { 'created', id }
`,
);

/**
 * Ends the frames that no worker has: what a cancel and an expiry do at once. The books are written once for all of them,
 * since a job may have thousands. Gives the indices of those that may be in BullMQ's queue.
 */
const END_WAITING = `
local function end_waiting(to)
  local gone, ended, released, again = {}, 0, num('next'), {}
  for _, i in ipairs(redis.call('LRANGE', root .. ':again:' .. id, 0, -1)) do again[i] = true end
  assert_move('frames', 'queued', to)
  for i = 0, released - 1 do
    if frame_status(i) == 'queued' then
      set_frame(i, 'status', to)
      ended = ended + 1
      if not again[tostring(i)] then
        leave_running(i)
        redis.call('ZREM', root .. ':released:' .. get('model'), id .. '-' .. i)
        gone[#gone + 1] = tostring(i)
      end
    end
  end
  if ended > 0 then book('queued', to, ended) end
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
 * Queues the failed frames of an ended job again, with fresh budgets, if the tenant has room for them. KEYS 3, which may
 * lack, the note of a client's key: a call that repeats one which was carried out gets `known` and changes nothing. Gives
 * `gone`, `known`, `nothing`, `quota` with the limit's name, what is open and what is allowed (units for a cost), or `ok`
 * and how many.
 */
export const RETRY: Script = jobScript(
  "retry",
  `
local status = get('status')
if not status then return { 'gone' } end
if KEYS[3] and redis.call('EXISTS', KEYS[3]) == 1 then return { 'known' } end
if status ~= 'failed' then return { 'nothing' } end
local usage = redis.call('HMGET', root .. ':usage:' .. get('tenant'), 'cost', 'frames')
local limits = redis.call('HMGET', root .. ':tenant:' .. get('tenant'), 'queued_cost_max', 'concurrent_frames_max')
local function over(name, limit, present, asked)
  if limit and present + asked > limit then return { 'quota', name, whole(present), whole(limit) } end
end
local cost_max = limits[1] and math.ceil(tonumber(limits[1]) * ${UNITS_PER_COST})
local failed = num('failed')
local refused = over('queued_cost_max', cost_max, tonumber(usage[1] or 0), failed * num('steps') * num('step_units'))
  or over('concurrent_frames_max', tonumber(limits[2] or nil), tonumber(usage[2] or 0), failed)
if refused then return refused end
if KEYS[3] then redis.call('SET', KEYS[3], id, 'EX', ${IDEMPOTENCY_SECONDS}) end
local again, n, stepped = {}, 0, 0
redis.call('HDEL', record, 'cancel', 'error', 'finished_ms', 'eta_ms', 'start_before_ms')
assert_move('frames', 'failed', 'queued')
for i = 0, num('next') - 1 do
  if frame(i, 'status') == 'failed' then
    stepped = stepped + tonumber(frame(i, 'step') or 0)
    set_frame(i, 'status', 'queued')
    redis.call('HDEL', record, i .. ':error', i .. ':tries', i .. ':lost', i .. ':interrupted', i .. ':failed_on',
      i .. ':saved', i .. ':step', i .. ':open')
    n = n + 1
    again[n] = i
  end
end
for from = 1, n, 1000 do
  redis.call('RPUSH', root .. ':again:' .. id, unpack(again, from, math.min(n, from + 999)))
end
if stepped ~= 0 then redis.call('HINCRBY', record, 'stepped', -stepped) end
book('failed', 'queued', n)
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
