import {
  FRAME_TRIES_MAX,
  INTERRUPTIONS_MAX,
  LOST_ATTEMPTS_MAX,
  POISON_WORKERS,
  SNAPSHOT_SECONDS,
} from "../limits.js";
import { jobScript } from "./library.js";
import type { Script } from "./script.js";

/** Why a frame fails whose attempts are lost again and again. */
const LOST_TOO_OFTEN = JSON.stringify({
  code: "engine_crashed",
  message: `Cannot finish the frame as attempts are lost with their workers: lost attempts is ${LOST_ATTEMPTS_MAX}`,
});

/** Why a frame fails that is given back again and again. */
const INTERRUPTED_TOO_OFTEN = JSON.stringify({
  code: "interrupted",
  message: `Cannot finish the frame as it is given back again and again: interruptions is ${INTERRUPTIONS_MAX}`,
});

/**
 * Begins an attempt. KEYS 3 the lock, 4 the snapshot. ARGV index, lock token, worker, model. Gives `claimed`, the attempt,
 * the milliseconds since the job's creation, the tenant and the parameters; `done` and the job's status when the frame
 * has ended or is not released; `gone`; `lost`. Unless it gives `lost`, the frame is no longer on its way into the queue.
 */
export const CLAIM: Script = jobScript(
  "claim",
  `
local i, token, released = ARGV[1], ARGV[2], root .. ':released:' .. ARGV[4]
local status = frame_status(i)
-- One that comes late, after its frame was released again, must not strike it off: it may not be in BullMQ yet.
if status and not TERMINAL[status] and redis.call('GET', KEYS[3]) ~= token then return { 'lost' } end
-- Nor is one of an attempt that has left to begin another: the entry in BullMQ ends with the first.
if frame(i, 'token') == token and frame(i, 'open') ~= '1' then return { 'lost' } end
local tag = redis.call('ZSCORE', released, id .. '-' .. i)
if tag then
  redis.call('ZREM', released, id .. '-' .. i)
  local fair = root .. ':fair:' .. ARGV[4]
  if tonumber(tag) > tonumber(redis.call('HGET', fair, 'v') or 0) then redis.call('HSET', fair, 'v', tag) end
end
if not status then return { 'gone' } end
-- A frame that a client's retry has queued is not to be taken before its release, by an entry of its former life.
local is_placed = redis.call('SISMEMBER', root .. ':out:' .. get('tenant'), id .. '-' .. i) == 1
if TERMINAL[status] or not is_placed then return { 'done', get('status') } end
local function claimed(attempt)
  return { 'claimed', attempt, whole(now_ms() - num('created_ms')), get('tenant'), redis.call('GET', root .. ':params:' .. id) }
end
-- Said twice, since the first answer was lost.
local is_own = frame(i, 'open') == '1' and frame(i, 'token') == token
if is_own and not get('cancel') then return claimed(frame(i, 'attempt')) end
if is_own then
  set_frame(i, 'open', 0)
elseif frame(i, 'open') == '1' then
  set_frame(i, 'open', 0)
  count('attempts_lost')
  if status == 'running' and not get('cancel') then move_frame(i, 'queued') end
  if redis.call('HINCRBY', record, i .. ':lost', 1) >= ${LOST_ATTEMPTS_MAX} and not get('cancel') then
    fail_frame(i, '${LOST_TOO_OFTEN}')
    drop_snapshot(i, KEYS[4])
    return { 'done', settle() }
  end
end
if get('cancel') then
  move_frame(i, 'canceled')
  drop_snapshot(i, KEYS[4])
  return { 'done', settle() }
end
local attempt = redis.call('HINCRBY', record, i .. ':attempt', 1)
set_frame(i, 'open', 1)
rewind_frame(i)
set_frame(i, 'token', token)
set_frame(i, 'worker', ARGV[3])
return claimed(tostring(attempt))
`,
);

/** Says that an engine has the frame. KEYS 3 the lock. ARGV index, attempt, token. Gives the attempt's standing. */
export const START: Script = jobScript(
  "start",
  `
local answer = standing(ARGV[1], ARGV[2], ARGV[3], KEYS[3])
if answer == 'ok' then run_frame(ARGV[1]) end
return { answer }
`,
);

/** Tells steps. KEYS 3 the lock. ARGV index, attempt, token, step, steps. Gives the attempt's standing. */
export const PROGRESS: Script = jobScript(
  "progress",
  `
local i = ARGV[1]
local answer = standing(i, ARGV[2], ARGV[3], KEYS[3])
if answer == 'ok' then
  set_step(i, tonumber(ARGV[4]))
  emit('frame.progress', '{"index":' .. i .. ',"attempt":' .. ARGV[2] .. ',"step":' .. ARGV[4] .. ',"steps":' .. ARGV[5] .. '}')
end
return { answer }
`,
);

/** Tells a preview, in the place of the one before. KEYS 3 the lock. ARGV index, attempt, token, JPEG in base64. Gives the attempt's standing. */
export const PREVIEW: Script = jobScript(
  "preview",
  `
local i = ARGV[1]
local answer = standing(i, ARGV[2], ARGV[3], KEYS[3])
if answer == 'ok' then
  drop_preview(i)
  set_frame(i, 'preview', emit('frame.preview', '{"index":' .. i .. ',"attempt":' .. ARGV[2] .. ',"jpeg":"' .. ARGV[4] .. '"}'))
end
return { answer }
`,
);

/**
 * Keeps the newest snapshot, in which `step` steps are done. KEYS 3 the lock, 4 the snapshot. ARGV index, attempt,
 * token, step, bytes. Gives the attempt's standing; what a superseded or canceled one sends is not kept.
 */
export const SNAPSHOT: Script = jobScript(
  "snapshot",
  `
local i = ARGV[1]
local answer = standing(i, ARGV[2], ARGV[3], KEYS[3])
if answer == 'ok' then
  redis.call('SET', KEYS[4], ARGV[5], 'EX', ${SNAPSHOT_SECONDS})
  set_frame(i, 'saved', ARGV[4])
end
return { answer }
`,
);

/**
 * Commits a result; a picture that is ready counts even if its job was canceled a moment ago. KEYS 3 the lock, 4 the
 * snapshot. ARGV index, attempt, token, result. Gives `ok` or `lost`, the job's status and the models for whose frames
 * there is room now. Sent twice, it answers as at first.
 */
export const COMMIT: Script = jobScript(
  "commit",
  `
local i = ARGV[1]
if frame(i, 'status') == 'succeeded' and frame(i, 'attempt') == ARGV[2] then return { 'ok', get('status') } end
if standing(i, ARGV[2], ARGV[3], KEYS[3]) == 'lost' or TERMINAL[frame_status(i)] then return { 'lost' } end
run_frame(i)
move_frame(i, 'succeeded')
set_frame(i, 'open', 0)
redis.call('HINCRBY', record, 'stepped', num('steps') - tonumber(frame(i, 'step') or 0))
set_frame(i, 'step', get('steps'))
set_frame(i, 'result', ARGV[4])
drop_snapshot(i, KEYS[4])
emit('frame.succeeded', ARGV[4])
return { 'ok', settle(), unpack(freed) }
`,
);

/**
 * Ends an attempt without a result. KEYS 3 the lock, 4 the snapshot. ARGV index, attempt, token, failure, what it was:
 * `interrupted` (not the frame's fault: it goes back and is gone on with), `passing` (it goes back and begins anew, since
 * its snapshot may be what it failed of) or `lasting`, worker, the failure as poison. Each kind has a budget of its own,
 * and a frame that failed on three different workers is poison. A canceled job's frame becomes `canceled` either way.
 * Gives `resume`, `restart`, `failed`, `canceled` or `lost`, the job's status and the models for whose frames there is room
 * now.
 */
export const LEAVE: Script = jobScript(
  "leave",
  `
local i, failure, kind, worker = ARGV[1], ARGV[4], ARGV[5], ARGV[6]
-- Said twice, since the first answer was lost: it is answered as at first.
if frame(i, 'attempt') == ARGV[2] and frame(i, 'open') ~= '1' then
  local now = frame_status(i)
  if now == 'failed' or now == 'canceled' then return { now, get('status') } end
  if now == 'queued' and redis.call('GET', KEYS[3]) == ARGV[3] then
    return { kind == 'interrupted' and 'resume' or 'restart', get('status') }
  end
end
local answer = standing(i, ARGV[2], ARGV[3], KEYS[3])
if answer == 'lost' then return { 'lost' } end
set_frame(i, 'open', 0)
if answer == 'canceled' then
  drop_snapshot(i, KEYS[4])
  if frame_status(i) ~= 'canceled' then move_frame(i, 'canceled') end
  return { 'canceled', settle(), unpack(freed) }
end
local to = 'restart'
if kind == 'interrupted' then
  count('attempts_interrupted')
  to = 'resume'
  if redis.call('HINCRBY', record, i .. ':interrupted', 1) >= ${INTERRUPTIONS_MAX} then
    to, failure = 'failed', '${INTERRUPTED_TOO_OFTEN}'
  end
else
  count('attempts_failed')
  local failed_on = frame(i, 'failed_on') or ','
  if not string.find(failed_on, ',' .. worker .. ',', 1, true) then
    failed_on = failed_on .. worker .. ','
    set_frame(i, 'failed_on', failed_on)
  end
  local _, commas = string.gsub(failed_on, ',', '')
  local tries = redis.call('HINCRBY', record, i .. ':tries', 1)
  if kind == 'lasting' then to = 'failed'
  elseif commas > ${POISON_WORKERS} then
    to, failure = 'failed', ARGV[7]
    count('frames_poisoned')
  elseif tries >= ${FRAME_TRIES_MAX} then to = 'failed' end
end
if to ~= 'resume' then drop_snapshot(i, KEYS[4]) end
if to == 'failed' then
  fail_frame(i, failure)
elseif frame_status(i) == 'running' then
  move_frame(i, 'queued')
  rewind_frame(i)
end
return { to, settle(), unpack(freed) }
`,
);
