import { isTerminal, PRIORITY_WEIGHTS, STATUS_TRANSITIONS, STATUSES } from "@latentfarm/contract";
import { EVENTS_MAX, FINISHED_JOB_SECONDS, FINISHED_WEBHOOK_JOB_SECONDS } from "../limits.js";
import { FAIR_LIBRARY } from "./fair-library.js";
import type { Script } from "./script.js";

/**
 * The head of every script about a job: the record's fields, its transitions, its log and the books. KEYS[1] is the
 * job's record and KEYS[2] its event stream, which is also the channel on which its growth is told; every other key has
 * the same hash tag and is made from the root of these. A script runs alone in Redis, so a state, the event that tells
 * it, the webhook that carries it and the tenant's books are one change, and poll, stream and delivery agree.
 *
 * Fields of the record: `status tenant model created_at created_ms start_before_ms started_ms finished_ms frames steps
 * step_units class next rest open stepped succeeded failed canceled
 * expired cancel seq error hook hook_events eta_ms
 * eta_low eta_high waits mark mark_frames`, and for frame i `i:status i:attempt i:token i:step i:saved i:worker i:open i:tries
 * i:lost i:interrupted i:failed_on i:preview i:result i:error`.
 *
 * A frame gets fields of its own only once something has happened to it, so that a job of thousands is as small as a
 * job of one: frames from `next` on have not been released and are all in the state `rest`; the others are `queued`
 * unless they say otherwise. `open` counts the frames that have not ended. `i:open` is 1 from the claim of an attempt to
 * its end: a claim that finds it set knows that the attempt before was lost. `i:saved` is the step of the frame's
 * snapshot, at which the next attempt goes on. `waits` counts the frames that the job's flow has yet to let go; `mark` and
 * `mark_frames` are the units and frames that the flow had been given with the last of them.
 */
export const LIBRARY = `
local record, stream = KEYS[1], KEYS[2]
local root, id = string.match(KEYS[1], '^(.*):job:(.+)$')
if not root then root = string.match(KEYS[1], '^(.*):fair:') end
local NEXT = ${luaTransitions()}
local TERMINAL = ${luaSet(STATUSES.filter((status) => isTerminal(status)))}
local CLASS_WEIGHT = ${luaNumbers(PRIORITY_WEIGHTS)}

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function whole(number) return string.format('%.0f', number) end
local function get(name) return redis.call('HGET', record, name) end
local function num(name) return tonumber(get(name) or 0) end
local function set(name, value) redis.call('HSET', record, name, value) end
local function frame(i, name) return get(i .. ':' .. name) end
local function set_frame(i, name, value) set(i .. ':' .. name, value) end
local function count(name, by) redis.call('HINCRBY', root .. ':counters', name, by or 1) end

-- The scripts that go over several jobs look at one after the other.
local function look_at(job)
  id, record, stream = job, root .. ':job:' .. job, root .. ':events:' .. job
end

-- The first event of every job follows from its record and is not written: a stream takes 4 KiB from its first entry
-- on, which a million jobs that wait would have to pay.
local function emit(type, data)
  local seq = redis.call('HINCRBY', record, 'seq', 1)
  if seq > 1 then
    redis.call('XADD', stream, 'MAXLEN', '~', ${EVENTS_MAX}, seq .. '-0',
      'type', type, 'ms', whole(now_ms()), 'data', data)
  end
  redis.call('PUBLISH', stream, seq)
  local wanted = get('hook_events')
  if wanted and string.find(wanted, ',' .. type .. ',', 1, true) then
    redis.call('ZADD', root .. ':outbox', whole(now_ms()), id .. '|' .. seq .. '|' .. type)
    redis.call('PUBLISH', root .. ':outbox', id)
  end
  return seq
end

local function frame_status(i)
  local own = frame(i, 'status')
  if own then return own end
  local released = get('next')
  if not released then return false end
  if tonumber(i) >= tonumber(released) then return get('rest') end
  return 'queued'
end

local function assert_move(what, from, to)
  if not NEXT[from] or not NEXT[from][to] then
    error('FARM_TRANSITION ' .. what .. ' from ' .. tostring(from) .. ' to ' .. to)
  end
end
${FAIR_LIBRARY}
-- The books of n frames that go from one state to another: the tenant's, the model's, the job's, the farm's. New ones
-- come from 'none'.
local function book(from, to, n)
  local usage, fair = root .. ':usage:' .. get('tenant'), fair_key()
  local units = num('step_units') * num('steps') * n
  local function both(field, by)
    if by ~= 0 then
      redis.call('HINCRBY', usage, field, by)
      redis.call('HINCRBY', fair, field, by)
    end
  end
  if from == 'running' then both('running', -n) end
  if to == 'running' then both('running', n) end
  local was_open, is_open = from ~= 'none' and not TERMINAL[from], not TERMINAL[to]
  if was_open == is_open then return end
  local sign = is_open and 1 or -1
  both('frames', sign * n)
  both('cost', whole(sign * units))
  redis.call('HINCRBY', root .. ':usage', 'frames', sign * n)
  redis.call('HINCRBY', record, 'open', sign * n)
  if is_open then
    if from ~= 'none' then redis.call('HINCRBY', record, from, -n) end
  else
    redis.call('HINCRBY', record, to, n)
    count('frames_' .. to, n)
  end
end

-- Steps of an unfinished frame that are done; the model's sum of them is work that the backlog no longer holds.
local function set_step(i, step)
  local by = step - tonumber(frame(i, 'step') or 0)
  if by ~= 0 then
    redis.call('HINCRBY', fair_key(), 'done', whole(by * num('step_units')))
    redis.call('HINCRBY', record, 'stepped', by)
  end
  set_frame(i, 'step', step)
end

-- A preview is of no use once there is a newer one or the frame has ended; they are most of a log's bytes.
local function drop_preview(i)
  local seq = frame(i, 'preview')
  if not seq then return end
  redis.call('XDEL', stream, seq .. '-0')
  redis.call('HDEL', record, i .. ':preview')
end

-- What a frame that was released leaves behind when it ends.
local function leave_running(i)
  drop_preview(i)
  local step = tonumber(frame(i, 'step') or 0)
  if step ~= 0 then redis.call('HINCRBY', fair_key(), 'done', whole(-step * num('step_units'))) end
  -- Kept of a failed one, which may be retried while the lock is still there.
  if frame(i, 'status') ~= 'failed' then redis.call('HDEL', record, i .. ':token') end
  give_back_place(i)
end

local function move_frame(i, to)
  local from = frame_status(i)
  assert_move('frame ' .. i, from, to)
  set_frame(i, 'status', to)
  book(from, to, 1)
  if TERMINAL[to] then leave_running(i) end
end

local function drop_snapshot(i, key)
  redis.call('UNLINK', key)
  redis.call('HDEL', record, i .. ':saved')
end

local function index_key(status) return root .. ':jobs:' .. get('tenant') .. ':' .. status end

local function move_job(to)
  local from = get('status')
  assert_move('status', from, to)
  set('status', to)
  redis.call('ZREM', index_key(from), id)
  redis.call('ZADD', index_key(to), 0, id)
end

-- Back to where the next attempt begins: the snapshot, or the start.
local function rewind_frame(i) set_step(i, tonumber(frame(i, 'saved') or 0)) end

-- The frame is with an engine: its job runs from here on.
local function run_frame(i)
  if frame_status(i) == 'queued' then move_frame(i, 'running') end
  if get('status') == 'queued' then
    move_job('running')
    set('started_ms', whole(now_ms()))
    redis.call('ZREM', root .. ':due', id)
    emit('job.started', '{}')
  end
end

local function fail_frame(i, failure)
  move_frame(i, 'failed')
  set_frame(i, 'error', failure)
  if not get('error') then set('error', failure) end
  emit('frame.failed', '{"index":' .. i .. ',"attempt":' .. (frame(i, 'attempt') or 0) .. ',"error":' .. failure .. '}')
end

-- Gives back what the stream had set aside for entries that will not come: most of a short log.
local function pack_log()
  redis.call('RESTORE', stream, 0, redis.call('DUMP', stream), 'REPLACE')
end

-- Ends the job once its last frame has ended, and gives the job's status.
local function settle()
  local status = get('status')
  if TERMINAL[status] or num('open') > 0 then return status end
  local to = 'succeeded'
  if num('failed') > 0 then to = 'failed' elseif num('canceled') > 0 then to = 'canceled'
  elseif num('expired') > 0 then to = 'expired' end
  move_job(to)
  local now = now_ms()
  set('finished_ms', whole(now))
  count('jobs_' .. to)
  if to == 'succeeded' then calibrate(now) end
  redis.call('ZREM', root .. ':due', id)
  redis.call('ZADD', root .. ':ended', whole(now), id .. '|' .. get('tenant') .. '|' .. to)
  redis.call('DEL', root .. ':again:' .. id)
  redis.call('ZADD', root .. ':unfiled', whole(now), id)
  emit('job.' .. to, to == 'failed' and '{"error":' .. get('error') .. '}' or '{}')
  pack_log()
  local seconds = get('hook_events') and ${FINISHED_WEBHOOK_JOB_SECONDS} or ${FINISHED_JOB_SECONDS}
  for _, key in ipairs({ record, stream, root .. ':params:' .. id }) do
    redis.call('EXPIRE', key, seconds)
  end
  return to
end

-- Whether this attempt may still speak for the frame: 'ok', 'lost' (superseded, ended, or its lock is gone) or 'canceled'.
-- An attempt that has left still holds its lock for a moment: what of it comes late is of a past that is over.
local function standing(i, attempt, token, lock)
  if redis.call('GET', lock) ~= token or frame(i, 'attempt') ~= attempt or frame(i, 'open') ~= '1' then
    count('attempts_superseded')
    return 'lost'
  end
  local status = frame_status(i)
  if status == 'canceled' then return 'canceled' end
  if TERMINAL[status] then return 'lost' end
  if get('cancel') then return 'canceled' end
  return 'ok'
end
`;

/** A script that begins with the library. */
export function jobScript(name: string, body: string): Script {
  return { name, lua: LIBRARY + body };
}

function luaTransitions(): string {
  const rows = STATUSES.map((from) => `${from} = ${luaSet(STATUS_TRANSITIONS[from])}`);
  return `{ ${rows.join(", ")} }`;
}

function luaSet(names: readonly string[]): string {
  return `{ ${names.map((name) => `${name} = true`).join(", ")} }`;
}

function luaNumbers(numbers: Readonly<Record<string, number>>): string {
  const entries = Object.entries(numbers).map(([name, value]) => `${name} = ${value}`);
  return `{ ${entries.join(", ")} }`;
}
