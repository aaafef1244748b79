import { isTerminal, STATUS_TRANSITIONS, STATUSES } from "@latentfarm/contract";
import { EVENTS_MAX, FINISHED_JOB_SECONDS } from "../limits.js";

/**
 * The head of every script: the record's fields, its transitions and its log. KEYS[1] is the job's record and KEYS[2]
 * its event stream, which is also the channel on which its growth is told. A script runs alone in Redis, so a state
 * and the event that tells it are one change, and poll and stream agree.
 *
 * Fields of the record: `status created_at created_ms started_ms finished_ms model params frames steps cancel seq
 * error`, and for frame i `i:status i:attempt i:step i:saved i:worker i:open i:lost i:preview i:result
 * i:error`. `i:open` is 1
 * from the claim of an attempt to its end: a claim that finds it set knows that the attempt before was lost. `i:saved`
 * is the step of the frame's snapshot, at which the next attempt goes on.
 */
export const LIBRARY = `
local record, stream = KEYS[1], KEYS[2]
local NEXT = ${luaTransitions()}
local TERMINAL = ${luaSet(STATUSES.filter((status) => isTerminal(status)))}

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function get(name) return redis.call('HGET', record, name) end
local function set(name, value) redis.call('HSET', record, name, value) end
local function frame(i, name) return get(i .. ':' .. name) end
local function set_frame(i, name, value) set(i .. ':' .. name, value) end

local function emit(type, data)
  local id = redis.call('HINCRBY', record, 'seq', 1)
  redis.call('XADD', stream, 'MAXLEN', '~', ${EVENTS_MAX}, id .. '-0',
    'type', type, 'ms', string.format('%.0f', now_ms()), 'data', data)
  redis.call('PUBLISH', stream, id)
  return id
end

local function move(name, to)
  local from = get(name)
  if not NEXT[from] or not NEXT[from][to] then
    error('FARM_TRANSITION ' .. name .. ' from ' .. tostring(from) .. ' to ' .. to)
  end
  set(name, to)
end

local function move_frame(i, to) move(i .. ':status', to) end

-- Back to where the next attempt begins: the snapshot, or the start.
local function rewind_frame(i) set_frame(i, 'step', frame(i, 'saved') or 0) end

local function drop_snapshot(i, key)
  redis.call('UNLINK', key)
  redis.call('HDEL', record, i .. ':saved')
end

-- A preview is of no use once there is a newer one or the frame has ended; they are most of a log's bytes.
local function drop_preview(i)
  local id = frame(i, 'preview')
  if not id then return end
  redis.call('XDEL', stream, id .. '-0')
  redis.call('HDEL', record, i .. ':preview')
end

-- The frame is with an engine: its job runs from here on.
local function run_frame(i)
  if frame(i, 'status') == 'queued' then move_frame(i, 'running') end
  if get('status') == 'queued' then
    move('status', 'running')
    set('started_ms', string.format('%.0f', now_ms()))
    emit('job.started', '{}')
  end
end

local function fail_frame(i, failure)
  move_frame(i, 'failed')
  set_frame(i, 'error', failure)
  if not get('error') then set('error', failure) end
  emit('frame.failed', '{"index":' .. i .. ',"attempt":' .. frame(i, 'attempt') .. ',"error":' .. failure .. '}')
end

-- Ends the job once its last frame has ended, and gives the job's status.
local function settle()
  local seen, open = {}, false
  for i = 0, tonumber(get('frames')) - 1 do
    local status = frame(i, 'status')
    if TERMINAL[status] then drop_preview(i) else open = true end
    seen[status] = true
  end
  if open then return get('status') end
  if TERMINAL[get('status')] then return get('status') end
  local to = 'succeeded'
  if seen.failed then to = 'failed' elseif seen.canceled then to = 'canceled' elseif seen.expired then to = 'expired' end
  move('status', to)
  set('finished_ms', string.format('%.0f', now_ms()))
  emit('job.' .. to, to == 'failed' and '{"error":' .. get('error') .. '}' or '{}')
  redis.call('EXPIRE', record, ${FINISHED_JOB_SECONDS})
  redis.call('EXPIRE', stream, ${FINISHED_JOB_SECONDS})
  return to
end

-- Whether this attempt may still speak for the frame: 'ok', 'lost' (superseded, or its lock is gone) or 'canceled'.
local function standing(i, attempt, token, lock)
  if redis.call('GET', lock) ~= token or frame(i, 'attempt') ~= attempt then return 'lost' end
  local status = frame(i, 'status')
  if status == 'canceled' then return 'canceled' end
  if TERMINAL[status] then return 'lost' end
  if get('cancel') then return 'canceled' end
  return 'ok'
end
`;

function luaTransitions(): string {
  const rows = STATUSES.map((from) => `${from} = ${luaSet(STATUS_TRANSITIONS[from])}`);
  return `{ ${rows.join(", ")} }`;
}

function luaSet(names: readonly string[]): string {
  return `{ ${names.map((name) => `${name} = true`).join(", ")} }`;
}
