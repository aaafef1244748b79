import { FRAME_TRIES_MAX, INTERRUPTIONS_MAX, LOST_ATTEMPTS_MAX } from "../../limits.js";
import type { TextBug } from "./virtual-scripts.js";

/** Deliberate bugs of the scripts that attempts speak through. */
export const ATTEMPT_BUGS: Readonly<Record<string, TextBug>> = {
  "an attempt that has lost its lock is listened to": {
    find: "if redis.call('GET', lock) ~= token or frame(i, 'attempt') ~= attempt",
    replace: "if frame(i, 'attempt') ~= attempt",
  },
  "an attempt that has left is listened to": {
    find: " or frame(i, 'open') ~= '1' then\n    count('attempts_superseded')",
    replace: " then\n    count('attempts_superseded')",
  },
  "a commit that is sent twice is refused": {
    find: "if frame(i, 'status') == 'succeeded' and frame(i, 'attempt') == ARGV[2] then return { 'ok', get('status') } end",
    replace: "",
  },
  "a superseded attempt's result is kept": {
    find: "if standing(i, ARGV[2], ARGV[3], KEYS[3]) == 'lost' or TERMINAL[frame_status(i)] then return { 'lost' } end",
    replace: "if TERMINAL[frame_status(i)] then return { 'lost' } end",
  },
  "a superseded attempt's progress is counted": {
    find: "if answer == 'ok' then\n  set_step(i",
    replace: "if answer ~= 'canceled' then\n  set_step(i",
  },
  "a finished frame keeps its snapshot": {
    find: "drop_snapshot(i, KEYS[4])\nemit('frame.succeeded'",
    replace: "emit('frame.succeeded'",
  },
  "a frame that begins anew keeps its snapshot": {
    find: "if to ~= 'resume' then drop_snapshot(i, KEYS[4]) end",
    replace: "",
  },
  "a claim forgets the attempt that was lost": {
    find: "elseif frame(i, 'open') == '1' then\n  set_frame(i, 'open', 0)",
    replace: "elseif false then\n  set_frame(i, 'open', 0)",
  },
  "a claim said twice begins a second attempt": {
    find: "if is_own and not get('cancel') then return claimed(frame(i, 'attempt')) end",
    replace: "",
  },
  "a canceled frame is claimed": {
    find: "if get('cancel') then\n  move_frame(i, 'canceled')",
    replace: "if false then\n  move_frame(i, 'canceled')",
  },
  "a late claim strikes a released frame off": {
    find: "if status and not TERMINAL[status] and redis.call('GET', KEYS[3]) ~= token then return { 'lost' } end",
    replace: "",
  },
  "a claim begins another attempt after its own has left": {
    find: "if frame(i, 'token') == token and frame(i, 'open') ~= '1' then return { 'lost' } end",
    replace: "",
    from: 7_000,
  },
  "a frame is claimed before its release": {
    find: "if TERMINAL[status] or not is_placed then",
    replace: "if TERMINAL[status] then",
    from: 2_300,
  },
  "an attempt goes on in a canceled job": {
    find: "  if get('cancel') then return 'canceled' end\n  return 'ok'",
    replace: "  return 'ok'",
  },
  "lost attempts have no budget": { find: `>= ${LOST_ATTEMPTS_MAX} and not`, replace: ">= 1000 and not" },
  "interruptions have a budget too large": {
    find: `>= ${INTERRUPTIONS_MAX} then`,
    replace: `> ${INTERRUPTIONS_MAX} then`,
  },
  "tries have a budget too large": {
    find: `tries >= ${FRAME_TRIES_MAX} then`,
    replace: `tries > ${FRAME_TRIES_MAX} then`,
  },
  "an attempt begins at the start and its frame at the snapshot": {
    find: "rewind_frame(i)\nset_frame",
    replace: "set_frame",
  },
};

/** Deliberate bugs of the scripts about jobs, and of the library. */
export const JOB_BUGS: Readonly<Record<string, TextBug>> = {
  "a cancel forgets the frames that were never released": {
    find: "if rest > 0 and get('rest') == 'queued' then\n    set('rest', to)",
    replace: "if false then\n    set('rest', to)",
  },
  "a cancel leaves no mark": { find: "set('cancel', 1)", replace: "" },
  "an expiry ignores that a worker has a frame": {
    find: "if frame(i, 'open') == '1' then return { 'busy' } end",
    replace: "",
  },
  "an expiry comes before its time": {
    find: "if now_ms() < num('start_before_ms') then",
    replace: "if false then",
  },
  "a started job stays due": {
    find: "redis.call('ZREM', root .. ':due', id)\n    emit('job.started'",
    replace: "emit('job.started'",
  },
  "a job's end ignores failed frames": {
    find: "if num('failed') > 0 then to = 'failed' elseif",
    replace: "if",
  },
  "a job ends before its last frame": {
    find: "if TERMINAL[status] or num('open') > 0 then",
    replace: "if TERMINAL[status] or num('open') > 1 then",
  },
  "a job ends twice": {
    find: "if TERMINAL[status] or num('open') > 0 then return status end",
    replace: "if num('open') > 0 then return status end",
  },
  "an ended job is not filed": {
    find: "redis.call('ZADD', root .. ':unfiled', whole(now), id)",
    replace: "",
  },
  "a retry leaves the used tries": {
    find: "i .. ':error', i .. ':tries', i .. ':lost'",
    replace: "i .. ':error', i .. ':lost'",
  },
  "a retry leaves the job to be forgotten": { find: "redis.call('PERSIST', key)", replace: "local _ = key" },
  "a retried job is still canceled": {
    find: "'cancel', 'error', 'finished_ms'",
    replace: "'error', 'finished_ms'",
  },
  "a key is taken by a job that is refused": {
    find: "local units = tonumber(ARGV[7])",
    replace:
      "if KEYS[3] then redis.call('SET', KEYS[3], cjson.encode({ job = id, hash = ARGV[10] })) end\nlocal units = tonumber(ARGV[7])",
    scripts: ["create"],
  },
  "a key stands for many jobs": {
    find: "if known then\n    local first",
    replace: "if false then\n    local first",
  },
  "a quota counts only what was there": {
    find: "frames_open + frames > frames_max",
    replace: "frames_open > frames_max",
  },
  "a tenant lists a job under its former state": {
    find: "redis.call('ZREM', index_key(from), id)",
    replace: "",
  },
  "running frames are booked for ever": {
    find: "if from == 'running' then both('running', -n) end",
    replace: "",
  },
  "ended frames stay in the backlog's steps": {
    find: "if step ~= 0 then redis.call('HINCRBY', fair_key(), 'done', whole(-step * num('step_units'))) end",
    replace: "",
  },
  "every event goes to the webhook": {
    find: "if wanted and string.find(wanted, ',' .. type .. ',', 1, true) then",
    replace: "if wanted then",
  },
  "no event goes to the webhook": {
    find: "if wanted and string.find(wanted, ',' .. type .. ',', 1, true) then",
    replace: "if false then",
  },
};

/** Deliberate bugs of the order between tenants. */
export const ORDER_BUGS: Readonly<Record<string, TextBug>> = {
  "a released frame is on no list": {
    find: "redis.call('ZADD', released, whole(tag), id .. '-' .. i)",
    replace: "",
  },
  "a release costs its tenant nothing": {
    find: "redis.call('ZADD', fair .. ':tenants', whole(after), tenant)",
    replace: "redis.call('ZADD', fair .. ':tenants', whole(tag), tenant)",
  },
  "weights count for nothing": { find: "(weight > 0 and weight or 1)", replace: "1" },
  "classes count for nothing": { find: "CLASS_WEIGHT[class]", replace: "1" },
  "who was idle has credit": {
    find: "whole(math.max(v, tag_of(fair, tenant)))",
    replace: "whole(tag_of(fair, tenant))",
  },
  "an ended frame keeps its place": {
    find: "if redis.call('SREM', root .. ':out:' .. tenant, id .. '-' .. i) == 0 then return end",
    replace: "if true then return end",
  },
  "a tenant at its limit is never looked at again": {
    find: "redis.call('SADD', fair .. ':held', tenant)\n    redis.call('SADD', root .. ':held:' .. tenant, fair)",
    replace: "",
  },
  "a tenant's limit of places is one too high": {
    find: "redis.call('SCARD', places) >= running_max",
    replace: "redis.call('SCARD', places) > running_max",
  },
  "a retried frame is never released": {
    find: "if again then return tonumber(again) end",
    replace: "",
  },
  "virtual time goes back": {
    find: "if tonumber(tag) > tonumber(redis.call('HGET', fair, 'v') or 0) then",
    replace: "if true then",
  },
};
