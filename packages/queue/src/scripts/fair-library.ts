import { ETA_RATIO_BUCKETS } from "../limits.js";

/**
 * The part of the library that keeps order between tenants: start-time fair queueing over tenants by weight, and within
 * each tenant over its priority classes. Source: P. Goyal, H. Vin, H. Cheng, "Start-time Fair Queuing", 1996.
 *
 * Per model, under `fair:<model>`: the virtual time `v` (the start tag of the newest frame that a worker took), the books
 * `frames cost running done`, and beside it `:tenants` (tenants with frames to release, by the start tag of their next
 * one), `:tags` (each tenant's last finish tag; each of its classes' too, under `tenant|class`, and the tenant's own
 * virtual time, `tenant|v`) and `:load` (cumulative units and frames that each flow was given, `e en`, and has let go,
 * `d dn`). A flow is `flow:<model>:<tenant>:<class>`, the jobs of one class in the order of their arrival.
 */
export const FAIR_LIBRARY = `
local function fair_key() return root .. ':fair:' .. get('model') end
local function flow_key(fair, tenant, class)
  return root .. ':flow:' .. string.sub(fair, #root + 7) .. ':' .. tenant .. ':' .. class
end
local function tag_of(fair, field) return tonumber(redis.call('HGET', fair .. ':tags', field) or 0) end
local function set_tag(fair, field, tag) redis.call('HSET', fair .. ':tags', field, whole(tag)) end
local function load_of(fair, field) return tonumber(redis.call('HGET', fair .. ':load', field) or 0) end
local function add_load(fair, field, by) redis.call('HINCRBY', fair .. ':load', field, whole(by)) end

-- A tenant that has frames to release takes part from now on: who was idle begins at the present, without credit.
local function activate_tenant(fair, tenant)
  local v = tonumber(redis.call('HGET', fair, 'v') or 0)
  redis.call('ZADD', fair .. ':tenants', 'NX', whole(math.max(v, tag_of(fair, tenant))), tenant)
end

-- The job joins the end of its flow with n frames.
local function join_flow(n)
  local fair, tenant, class = fair_key(), get('tenant'), get('class')
  local flow, name = flow_key(fair, tenant, class), tenant .. '|' .. class
  if redis.call('LLEN', flow) == 0 then
    set_tag(fair, name, math.max(tag_of(fair, name), tag_of(fair, tenant .. '|v')))
  end
  add_load(fair, 'e|' .. name, num('step_units') * num('steps') * n)
  add_load(fair, 'en|' .. name, n)
  set('mark', whole(load_of(fair, 'e|' .. name)))
  set('mark_frames', whole(load_of(fair, 'en|' .. name)))
  redis.call('HINCRBY', record, 'waits', n)
  redis.call('RPUSH', flow, id)
  redis.call('SADD', root .. ':queues', get('model'))
  if redis.call('SISMEMBER', fair .. ':held', tenant) == 0 then activate_tenant(fair, tenant) end
end

-- A frame has ended: if it was released, its tenant's place is free for the next one, on whatever model that was held.
-- Those models are answered by the scripts that end an attempt, so that somebody looks at their windows.
local freed = {}
local function give_back_place(i)
  local tenant = get('tenant')
  if redis.call('SREM', root .. ':out:' .. tenant, id .. '-' .. i) == 0 then return end
  for _, fair in ipairs(redis.call('SMEMBERS', root .. ':held:' .. tenant)) do
    redis.call('SREM', fair .. ':held', tenant)
    freed[#freed + 1] = string.sub(fair, #root + 7)
    activate_tenant(fair, tenant)
  end
  redis.call('DEL', root .. ':held:' .. tenant)
end

-- Compares the end that was predicted at submit with the end that came.
local function calibrate(now)
  local predicted = num('eta_ms')
  if predicted <= 0 then return end
  local ratio = (now - num('created_ms')) / predicted
  local eta = root .. ':eta'
  redis.call('HINCRBY', eta, 'jobs', 1)
  if ratio >= num('eta_low') / 1000 and ratio <= num('eta_high') / 1000 then redis.call('HINCRBY', eta, 'within', 1) end
  local bucket = 'inf'
  for _, bound in ipairs({ ${[...ETA_RATIO_BUCKETS].reverse().join(", ")} }) do
    if ratio <= bound then bucket = tostring(bound) end
  end
  redis.call('HINCRBY', eta, 'le:' .. bucket, 1)
end
`;
