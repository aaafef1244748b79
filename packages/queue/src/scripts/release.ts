import {
  FRESH_PRIORITY,
  RELEASE_LOOKS_MAX,
  TAG_SCALE,
  WINDOW_MAX,
  WINDOW_MIN,
  WINDOW_SLOTS,
} from "../limits.js";
import { LIBRARY } from "./library.js";
import type { Script } from "./script.js";

/**
 * Moves frames of one model in fair order from their flows into the window, the few that lie ready in BullMQ. KEYS 1 the
 * model's order. ARGV model, most frames at once. Gives `ok` or `more` (it has looked at
 * as many jobs as it may at once), then job, index and tag of each released frame. They are on the list of released
 * frames until a worker claims them: whoever dies between here and BullMQ loses none.
 *
 * A frame's tag is its tenant's virtual start time; its tenant's next one starts its cost / weight later. Tenants at
 * their \`running_frames_max\` are held until a frame of theirs ends.
 */
export const RELEASE: Script = {
  name: "release",
  lua: `${LIBRARY}
local model, most = ARGV[1], tonumber(ARGV[2])
local fair, released = root .. ':fair:' .. model, root .. ':released:' .. model
local slots = tonumber(redis.call('HGET', fair, 'slots') or 0)
local window = math.min(${WINDOW_MAX}, math.max(${WINDOW_MIN}, math.ceil(slots * ${WINDOW_SLOTS})))
local room = math.min(most, window - redis.call('ZCARD', released))
local out, looks = { 'ok' }, 0

local function limit_of(tenant, name) return tonumber(redis.call('HGET', root .. ':tenant:' .. tenant, name) or 0) end

-- The class whose turn it is: the least start tag, the higher class first among equals.
local function next_class(tenant)
  local best, least
  for _, class in ipairs({ 'high', 'normal', 'low' }) do
    if redis.call('LLEN', flow_key(fair, tenant, class)) > 0 then
      local tag = tag_of(fair, tenant .. '|' .. class)
      if not least or tag < least then best, least = class, tag end
    end
  end
  return best, least
end

-- The next frame of a flow's first job, or nothing when the job has none left; then the job leaves the flow.
local function take_frame(flow, name)
  look_at(redis.call('LINDEX', flow, 0))
  if get('status') and not TERMINAL[get('status')] then
    local again = redis.call('LPOP', root .. ':again:' .. id)
    while again and frame_status(again) ~= 'queued' do again = redis.call('LPOP', root .. ':again:' .. id) end
    if again then return tonumber(again) end
    local at = num('next')
    if at < num('frames') and get('rest') == 'queued' then
      redis.call('HINCRBY', record, 'next', 1)
      return at
    end
  end
  -- What it was given and will not let go, since it has ended.
  local rest = num('waits')
  if rest > 0 then
    add_load(fair, 'd|' .. name, rest * num('steps') * num('step_units'))
    add_load(fair, 'dn|' .. name, rest)
    set('waits', 0)
  end
  redis.call('DEL', root .. ':again:' .. id)
  redis.call('LPOP', flow)
  if redis.call('LLEN', flow) == 0 then
    redis.call('HDEL', fair .. ':load', 'e|' .. name, 'en|' .. name, 'd|' .. name, 'dn|' .. name)
  end
  return nil
end

while room > 0 and looks < ${RELEASE_LOOKS_MAX} do
  looks = looks + 1
  local first = redis.call('ZRANGE', fair .. ':tenants', 0, 0, 'WITHSCORES')
  local tenant = first[1]
  if not tenant then break end
  local places, running_max = root .. ':out:' .. tenant, limit_of(tenant, 'running_frames_max')
  local class, class_tag = next_class(tenant)
  if not class then
    redis.call('ZREM', fair .. ':tenants', tenant)
    redis.call('HDEL', fair .. ':tags', tenant .. '|v', tenant .. '|high', tenant .. '|normal', tenant .. '|low')
    if tag_of(fair, tenant) <= tonumber(redis.call('HGET', fair, 'v') or 0) then
      redis.call('HDEL', fair .. ':tags', tenant)
    end
  elseif running_max > 0 and redis.call('SCARD', places) >= running_max then
    redis.call('ZREM', fair .. ':tenants', tenant)
    redis.call('SADD', fair .. ':held', tenant)
    redis.call('SADD', root .. ':held:' .. tenant, fair)
  else
    local name = tenant .. '|' .. class
    local i = take_frame(flow_key(fair, tenant, class), name)
    if i then
      local tag, units = tonumber(first[2]), num('step_units') * num('steps')
      local weight = limit_of(tenant, 'weight')
      local after = tag + math.max(1, math.floor(units * ${TAG_SCALE} / (weight > 0 and weight or 1)))
      redis.call('ZADD', fair .. ':tenants', whole(after), tenant)
      set_tag(fair, tenant, after)
      set_tag(fair, name, class_tag + math.max(1, math.floor(units * ${TAG_SCALE} / CLASS_WEIGHT[class])))
      set_tag(fair, tenant .. '|v', class_tag)
      add_load(fair, 'd|' .. name, units)
      add_load(fair, 'dn|' .. name, 1)
      redis.call('HINCRBY', record, 'waits', -1)
      redis.call('SADD', places, id .. '-' .. i)
      redis.call('ZADD', released, whole(tag), id .. '-' .. i)
      out[#out + 1], out[#out + 2], out[#out + 3] = id, tostring(i), whole(tag)
      room = room - 1
    end
  end
end
if looks >= ${RELEASE_LOOKS_MAX} then out[1] = 'more' end
return out
`,
};

/**
 * Orders frames that were just added to BullMQ. KEYS 1 the set in which they wait. ARGV the prefix of BullMQ's keys of a
 * job, FRAME_PRIORITY, then entry and score of each. Gives `ok`. BullMQ makes scores of priorities too coarse for virtual
 * times. An entry that a worker has taken by now has no score any more, and takes the priority for when it comes back.
 */
export const PLACE: Script = {
  name: "place",
  lua: `
for at = 3, #ARGV, 2 do
  if redis.call('EXISTS', ARGV[1] .. ARGV[at]) == 1 then
    redis.call('HSET', ARGV[1] .. ARGV[at], 'priority', ARGV[2])
  end
  redis.call('ZADD', KEYS[1], 'XX', ARGV[at + 1], ARGV[at])
end
return { 'ok' }
`,
};

/**
 * Frames that were released and are not in BullMQ, or not in their place: whoever released them died on the way. Tenants that are held take part
 * again, since their limit may have been raised; RELEASE holds them again if not. KEYS 1 the
 * model's order. ARGV model, the prefix of BullMQ's keys of a job. Gives `ok`, then job, index and tag of each.
 */
export const STRAYS: Script = {
  name: "strays",
  lua: `${LIBRARY}
local out, fair = { 'ok' }, root .. ':fair:' .. ARGV[1]
for _, tenant in ipairs(redis.call('SMEMBERS', fair .. ':held')) do
  redis.call('SREM', fair .. ':held', tenant)
  redis.call('SREM', root .. ':held:' .. tenant, fair)
  activate_tenant(fair, tenant)
end
local waiting = redis.call('ZRANGE', root .. ':released:' .. ARGV[1], 0, -1, 'WITHSCORES')
for at = 1, #waiting, 2 do
  local job, index = string.match(waiting[at], '^(.+)-(%d+)$')
  local score = redis.call('ZSCORE', ARGV[2] .. 'prioritized', waiting[at])
  local fresh = score and tonumber(score) >= ${FRESH_PRIORITY * 2 ** 32}
  if fresh or redis.call('EXISTS', ARGV[2] .. waiting[at]) == 0 then
    out[#out + 1], out[#out + 2], out[#out + 3] = job, index, waiting[at + 1]
  end
end
return out
`,
};
