import { isTerminal } from "@latentfarm/contract";
import type { LoggedEvent, ObservedJob } from "./observation.js";
import { type Check, frameOf, frameStatus, frameStatuses, numberOf, type Step, statusOf } from "./view.js";

/** What a job's log has told up to now. */
interface Story {
  readonly succeeded: Set<number>;
  readonly failed: Set<number>;
  state: string | undefined;
  seq: number;
  hasStarted: boolean;
  startBeforeMs: number | undefined;
}

/** Counts of what was told, by event. */
export type Told = Map<string, number>;

/**
 * The log of each job: numbers without a gap, one start and one end per life and nothing behind the end but a retry, each
 * frame's success once and its failure once per life, nothing of a superseded attempt, and at every moment the same state
 * as the record. Whatever a webhook wants is in the outbox, once, and nothing else is.
 */
export function createLogCheck(told: Told, delivered: ReadonlySet<string>): Check {
  const stories = new Map<string, Story>();
  const outbox = new Set<string>();
  return (step) => {
    for (const [id, job] of Object.entries(step.after.jobs)) {
      if (job === step.before.jobs[id]) continue;
      const story = stories.get(id) ?? freshStory();
      stories.set(id, story);
      for (const event of story.seq === 0 ? [firstOf(job), ...job.events] : job.events) {
        told.set(event.type, (told.get(event.type) ?? 0) + 1);
        const wanted = job.record.hook_events?.includes(`,${event.type},`) ?? false;
        if (wanted) outbox.add(`${id}|${event.seq}|${event.type}`);
        const problem = follow(step, story, { id, event });
        if (problem !== undefined) return `${problem}: event ${event.seq} ${event.type} of job ${id}`;
      }
      const problem = compare(step, story, id);
      if (problem !== undefined) return `${problem} (job ${id})`;
    }
    return checkOutbox(step, outbox, delivered);
  };
}

/** The first event follows from the record and is not written. */
function firstOf({ record }: ObservedJob): LoggedEvent {
  return { seq: 1, type: "job.queued", data: `{"frames":${record.frames}}` };
}

function freshStory(): Story {
  const startBeforeMs = undefined;
  return {
    succeeded: new Set(),
    failed: new Set(),
    state: undefined,
    seq: 0,
    hasStarted: false,
    startBeforeMs,
  };
}

function follow(
  step: Step,
  story: Story,
  { id, event }: { id: string; event: LoggedEvent },
): string | undefined {
  if (event.seq !== story.seq + 1) return `the number after ${story.seq} is ${event.seq}`;
  story.seq = event.seq;
  const isOver = story.state !== undefined && isTerminal(statusOf(story.state) ?? "queued");
  if (isOver && event.type !== "job.retried") return `the job had ended as ${story.state}`;
  if (event.type.startsWith("frame.")) return followFrame(step, story, { id, event });
  switch (event.type) {
    case "job.queued":
      story.state = "queued";
      story.startBeforeMs = Number(step.after.jobs[id]?.record.start_before_ms ?? Number.NaN);
      return event.seq === 1 ? undefined : "a job is taken in once";
    case "job.started":
      if (story.hasStarted) return "a life starts once";
      story.hasStarted = true;
      story.state = "running";
      return undefined;
    case "job.retried":
      if (story.state !== "failed") return `a job that is ${story.state} is not retried`;
      Object.assign(story, { state: "queued", hasStarted: false, startBeforeMs: undefined });
      story.failed.clear();
      return undefined;
    case "job.expired":
      if (hasOpenAttempt(step, id)) return "a job expires of which a worker has a frame";
      if (story.hasStarted) return "a job that has started does not expire";
      if (!((story.startBeforeMs ?? Number.NaN) <= step.nowMs)) return "a job expires that is not due";
      story.state = "expired";
      return undefined;
    default:
      story.state = event.type.slice("job.".length);
      return statusOf(story.state) === undefined ? "nobody knows this event" : undefined;
  }
}

function hasOpenAttempt({ before }: Step, id: string): boolean {
  const record = before.jobs[id]?.record ?? {};
  return frameStatuses(record).some((_, index) => record[`${index}:open`] === "1");
}

function followFrame(
  step: Step,
  story: Story,
  { id, event }: { id: string; event: LoggedEvent },
): string | undefined {
  const { index, attempt } = frameOf(event);
  const record = step.after.jobs[id]?.record ?? {};
  if (attempt !== numberOf(record, `${index}:attempt`)) return `attempt ${attempt} is not the newest`;
  if (story.succeeded.has(index)) return "the frame had succeeded";
  if (story.failed.has(index)) return "the frame had failed";
  if (event.type === "frame.succeeded") story.succeeded.add(index);
  else if (event.type === "frame.failed") story.failed.add(index);
  else if (step.call.about.index !== index) return "the event is of another frame";
  return undefined;
}

function compare(step: Step, story: Story, id: string): string | undefined {
  const record = step.after.jobs[id]?.record ?? {};
  if (story.state !== record.status) return `the log says ${story.state}, the record ${record.status}`;
  if (story.seq !== numberOf(record, "seq"))
    return `the log ends at ${story.seq}, the record says ${record.seq}`;
  for (let index = 0; index < numberOf(record, "frames"); index++) {
    const status = frameStatus(record, index);
    if ((status === "succeeded") !== story.succeeded.has(index))
      return `frame ${index} is ${status}, its success is not told`;
    if ((status === "failed") !== story.failed.has(index))
      return `frame ${index} is ${status}, its failure is not told`;
  }
  return undefined;
}

function checkOutbox(
  { after }: Step,
  expected: ReadonlySet<string>,
  delivered: ReadonlySet<string>,
): string | undefined {
  const extra = after.outbox.find((member) => !expected.has(member));
  if (extra !== undefined) return `nobody wanted ${extra}, which is in the outbox`;
  for (const member of expected) {
    if (!delivered.has(member) && !after.outbox.includes(member))
      return `${member} is wanted and not in the outbox`;
  }
  return undefined;
}
