/** What of a seed's keys an observation shows. */
export interface Wanted {
  readonly root: string;
  /** Jobs, each with the number of the newest event that was seen. */
  readonly jobs: Readonly<Record<string, number>>;
  readonly tenants: readonly string[];
  readonly models: readonly string[];
  /** The snapshot that the call is about. */
  readonly snapshot?: string;
}

/** Texts by name, as a hash of Redis has them. */
export type Fields = Readonly<Record<string, string | undefined>>;

/** One entry of a job's log. */
export interface LoggedEvent {
  readonly seq: number;
  readonly type: string;
  readonly data: string;
}

/** A job as it lies in Redis after a call. */
export interface ObservedJob {
  readonly record: Fields;
  readonly events: readonly LoggedEvent[];
  /** Seconds until Redis forgets it; -1 for never, -2 when it is not there. */
  readonly ttl: number;
  /** The states under which its tenant's lists name it. */
  readonly listed: readonly string[];
  readonly isDue: boolean;
  readonly isUnfiled: boolean;
  readonly isEnded: boolean;
}

/** A model's order and books. */
export interface ObservedModel {
  readonly fair: Fields;
  readonly load: Fields;
  readonly released: readonly string[];
}

/** What is open of a tenant, and which of its frames hold places. */
export interface ObservedTenant {
  readonly usage: Fields;
  readonly out: readonly string[];
}

/** What a call left behind. */
export interface Observation {
  readonly jobs: Readonly<Record<string, ObservedJob>>;
  readonly tenants: Readonly<Record<string, ObservedTenant>>;
  readonly models: Readonly<Record<string, ObservedModel>>;
  readonly usage: Fields;
  readonly outbox: readonly string[];
  readonly snapshot: string | undefined;
}

/**
 * The text behind every script: it runs in the same call, so that nothing comes between a change and the look at it. Uses
 * `ok` and `answer` of the script; its last but one argument is what is wanted. Gives the observation as JSON, then the
 * script's answer or its error.
 */
export const OBSERVE = `
local wanted = cjson.decode(ARGV[#ARGV - 1])
local base = wanted.root
local function hash(key)
  local flat, fields = redis.call('HGETALL', key), {}
  for at = 1, #flat, 2 do fields[flat[at]] = flat[at + 1] end
  return fields
end
local function job_of(id, seen)
  local key = base .. ':job:' .. id
  local record, events, listed = hash(key), {}, {}
  for _, entry in ipairs(redis.call('XRANGE', base .. ':events:' .. id, '(' .. seen .. '-0', '+')) do
    events[#events + 1] = { seq = tonumber(string.match(entry[1], '^%d+')), type = entry[2][2], data = entry[2][6] }
  end
  local tenant = tostring(record.tenant)
  for _, status in ipairs({ 'queued', 'running', 'succeeded', 'failed', 'canceled', 'expired' }) do
    if redis.call('ZSCORE', base .. ':jobs:' .. tenant .. ':' .. status, id) then listed[#listed + 1] = status end
  end
  return {
    record = record, events = events, listed = listed, ttl = redis.call('TTL', key),
    isDue = redis.call('ZSCORE', base .. ':due', id) ~= false,
    isUnfiled = redis.call('ZSCORE', base .. ':unfiled', id) ~= false,
    isEnded = redis.call('ZSCORE', base .. ':ended', id .. '|' .. tenant .. '|' .. tostring(record.status)) ~= false,
  }
end
local seen = { jobs = {}, tenants = {}, models = {} }
for id, seq in pairs(wanted.jobs) do seen.jobs[id] = job_of(id, seq) end
for _, tenant in ipairs(wanted.tenants) do
  seen.tenants[tenant] = { usage = hash(base .. ':usage:' .. tenant), out = redis.call('SMEMBERS', base .. ':out:' .. tenant) }
end
for _, model in ipairs(wanted.models) do
  local fair = base .. ':fair:' .. model
  seen.models[model] = { fair = hash(fair), load = hash(fair .. ':load'), released = redis.call('ZRANGE', base .. ':released:' .. model, 0, -1) }
end
seen.usage = hash(base .. ':usage')
seen.outbox = redis.call('ZRANGE', base .. ':outbox', 0, -1)
if wanted.snapshot then seen.snapshot = redis.call('GET', wanted.snapshot) or nil end
if not ok then answer = { type(answer) == 'table' and answer.err or tostring(answer) } end
return { cjson.encode(seen), ok and 1 or 0, answer }
`;

/** Reads an observation; Lua makes no difference between an empty list and an empty hash. */
export function decodeObservation(text: string): Observation {
  const raw: Observation = JSON.parse(text);
  const jobs = Object.entries(raw.jobs).map(([id, job]) => [
    id,
    { ...job, events: listOf(job.events), listed: listOf(job.listed) },
  ]);
  const tenants = Object.entries(raw.tenants).map(([name, tenant]) => [
    name,
    { ...tenant, out: listOf(tenant.out) },
  ]);
  const models = Object.entries(raw.models).map(([name, model]) => [
    name,
    { ...model, released: listOf(model.released) },
  ]);
  return {
    ...raw,
    jobs: Object.fromEntries(jobs),
    tenants: Object.fromEntries(tenants),
    models: Object.fromEntries(models),
    outbox: listOf(raw.outbox),
  };
}

function listOf<T>(value: readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [];
}
