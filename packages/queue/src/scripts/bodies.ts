import {
  IDEMPOTENCY_SECONDS,
  LOST_ATTEMPTS_MAX,
  SNAPSHOT_SECONDS,
  UNFINISHED_JOB_SECONDS,
} from "../limits.js";
import { LIBRARY } from "./library.js";

/** A script of the farm: its name for messages, and its text. */
export interface Script {
  readonly name: string;
  readonly lua: string;
}

/** Why a frame fails whose attempts are lost again and again. */
const LOST_TOO_OFTEN = JSON.stringify({
  code: "engine_crashed",
  message: `Cannot finish the frame as attempts are lost with their workers: lost attempts is ${LOST_ATTEMPTS_MAX}`,
});

/**
 * Takes a job in. KEYS 3 the unplanned jobs, 4 the idempotency key if there is one. ARGV id, model, params,
 * created_at, frames, steps per frame, body hash. Gives `created`, `known` or `conflict`, and the job's id.
 */
export const CREATE: Script = script(
  "create",
  `
local id, frames = ARGV[1], tonumber(ARGV[5])
if KEYS[4] then
  local known = redis.call('GET', KEYS[4])
  if known then
    local first = cjson.decode(known)
    return { first.hash == ARGV[7] and 'known' or 'conflict', first.job }
  end
  redis.call('SET', KEYS[4], cjson.encode({ job = id, hash = ARGV[7] }), 'EX', ${IDEMPOTENCY_SECONDS})
end
if redis.call('EXISTS', record) == 1 then return { 'known', id } end
local now = string.format('%.0f', now_ms())
redis.call('HSET', record, 'status', 'queued', 'id', id, 'model', ARGV[2], 'params', ARGV[3],
  'created_at', ARGV[4], 'created_ms', now, 'frames', frames, 'steps', ARGV[6])
for i = 0, frames - 1 do
  redis.call('HSET', record, i .. ':status', 'queued', i .. ':attempt', 0, i .. ':step', 0)
end
emit('job.queued', '{"frames":' .. frames .. '}')
redis.call('EXPIRE', record, ${UNFINISHED_JOB_SECONDS})
redis.call('EXPIRE', stream, ${UNFINISHED_JOB_SECONDS})
redis.call('ZADD', KEYS[3], now, id)
return { 'created', id }
`,
);

/**
 * Begins an attempt. KEYS 3 the lock, 4 the snapshot. ARGV index, lock token, worker. Gives `claimed`, the attempt and the
 * milliseconds since the job's creation; `done` and the job's status when the frame has ended; `gone`; `lost`.
 */
export const CLAIM: Script = script(
  "claim",
  `
local i, token = ARGV[1], ARGV[2]
local status = frame(i, 'status')
if not status then return { 'gone' } end
if TERMINAL[status] then return { 'done', get('status') } end
if redis.call('GET', KEYS[3]) ~= token then return { 'lost' } end
if frame(i, 'open') == '1' then
  set_frame(i, 'open', 0)
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
set_frame(i, 'worker', ARGV[3])
return { 'claimed', tostring(attempt), string.format('%.0f', now_ms() - tonumber(get('created_ms'))) }
`,
);

/** Says that an engine has the frame. KEYS 3 the lock. ARGV index, attempt, token. Gives the attempt's standing. */
export const START: Script = script(
  "start",
  `
local answer = standing(ARGV[1], ARGV[2], ARGV[3], KEYS[3])
if answer == 'ok' then run_frame(ARGV[1]) end
return { answer }
`,
);

/** Tells steps. KEYS 3 the lock. ARGV index, attempt, token, step, steps. Gives the attempt's standing. */
export const PROGRESS: Script = script(
  "progress",
  `
local i = ARGV[1]
local answer = standing(i, ARGV[2], ARGV[3], KEYS[3])
if answer == 'ok' then
  set_frame(i, 'step', ARGV[4])
  emit('frame.progress', '{"index":' .. i .. ',"attempt":' .. ARGV[2] .. ',"step":' .. ARGV[4] .. ',"steps":' .. ARGV[5] .. '}')
end
return { answer }
`,
);

/** Tells a preview, in the place of the one before. KEYS 3 the lock. ARGV index, attempt, token, JPEG in base64. Gives the attempt's standing. */
export const PREVIEW: Script = script(
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
export const SNAPSHOT: Script = script(
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
 * snapshot. ARGV index, attempt, token, result. Gives `ok` or `lost`, and the job's status. Sent twice, it answers as at first.
 */
export const COMMIT: Script = script(
  "commit",
  `
local i = ARGV[1]
if frame(i, 'status') == 'succeeded' and frame(i, 'attempt') == ARGV[2] then return { 'ok', get('status') } end
if standing(i, ARGV[2], ARGV[3], KEYS[3]) == 'lost' or TERMINAL[frame(i, 'status')] then return { 'lost' } end
run_frame(i)
move_frame(i, 'succeeded')
set_frame(i, 'open', 0)
set_frame(i, 'step', get('steps'))
set_frame(i, 'result', ARGV[4])
drop_snapshot(i, KEYS[4])
emit('frame.succeeded', ARGV[4])
return { 'ok', settle() }
`,
);

/**
 * Ends an attempt without a result. KEYS 3 the lock, 4 the snapshot. ARGV index, attempt, token, failure, `resume` (it
 * goes back and is gone on with), `restart` (it goes back and begins anew) or `fail`. A canceled job's frame becomes
 * `canceled` either way. Gives `ok`, `canceled` or `lost`, and the job's status.
 */
export const LEAVE: Script = script(
  "leave",
  `
local i, failure, to = ARGV[1], ARGV[4], ARGV[5]
local answer = standing(i, ARGV[2], ARGV[3], KEYS[3])
if answer == 'lost' then return { 'lost' } end
set_frame(i, 'open', 0)
if answer == 'canceled' or to ~= 'resume' then drop_snapshot(i, KEYS[4]) end
if answer == 'canceled' then
  if frame(i, 'status') ~= 'canceled' then move_frame(i, 'canceled') end
elseif to == 'fail' then
  fail_frame(i, failure)
elseif frame(i, 'status') == 'running' then
  move_frame(i, 'queued')
  rewind_frame(i)
end
return { answer, settle() }
`,
);

/**
 * Cancels a job: what waits goes at once, what runs is marked. KEYS 3 the channel. ARGV id. Gives `gone`, or `ok` and
 * the indices that went.
 */
export const CANCEL: Script = script(
  "cancel",
  `
local status = get('status')
if not status then return { 'gone' } end
local gone = { 'ok' }
if TERMINAL[status] then return gone end
set('cancel', 1)
for i = 0, tonumber(get('frames')) - 1 do
  if frame(i, 'status') == 'queued' then
    move_frame(i, 'canceled')
    gone[#gone + 1] = tostring(i)
  end
end
settle()
redis.call('PUBLISH', KEYS[3], ARGV[1])
return gone
`,
);

function script(name: string, body: string): Script {
  return { name, lua: LIBRARY + body };
}
