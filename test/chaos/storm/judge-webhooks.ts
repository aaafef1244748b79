import type { Ending, Receipt, StormRecord, Story, Violation } from "./record.js";

/** What is wrong with what the receiver got, beside the plans and the logs. */
export function judgeWebhooks({ stories, endings, receipts }: StormRecord): Violation[] {
  const byJob = groupBy(receipts, ({ jobId }) => jobId);
  const told = stories.filter(({ plan, accepted }) => plan.webhook !== undefined && accepted.length > 0);
  const endingOf = new Map(endings.map((ending) => [ending.id, ending]));
  return [
    ...told.flatMap((story) => {
      const ending = endingOf.get(story.accepted[0] ?? "");
      return ending === undefined ? [] : judgeArrival(story, ending, byJob.get(ending.id) ?? []);
    }),
    ...receipts
      .filter(({ verified }) => !verified)
      .map(({ id, jobId }) => say("webhooks verify", jobId, `${id} does not`)),
    ...endings.flatMap((ending) => judgeAgreement(ending, byJob.get(ending.id) ?? [])),
    ...judgeIds(receipts),
  ];
}

/** At least once: every event of the job that its webhook wants was taken with a 2xx. */
function judgeArrival({ plan }: Story, { id, log }: Ending, receipts: readonly Receipt[]): Violation[] {
  const wanted: ReadonlySet<string> = new Set(plan.webhook);
  const unasked = receipts.filter(({ type }) => !wanted.has(type));
  const missed = log
    .filter(({ type }) => wanted.has(type))
    .filter((event) => !receipts.some((receipt) => receipt.sequence === event.id && isTaken(receipt)))
    .map((event) => say("webhooks arrive", id, `${event.id} ${event.type} did not`));
  return [
    ...missed,
    ...unasked.map(({ type }) => say("webhooks agree with the log", id, `${type} is not wanted`)),
  ];
}

/** A receiver that broke the connection, or was not in the mood, has to be told again. */
function isTaken({ answer }: Receipt): boolean {
  return answer !== undefined && answer >= 200 && answer < 300;
}

/** The sequence of a webhook is its event's id in the log, which orders the events of a job. */
function judgeAgreement({ id, log }: Ending, receipts: readonly Receipt[]): Violation[] {
  const types = new Map<number, string>(log.map((event) => [event.id, event.type]));
  return receipts
    .filter(({ sequence, type }) => types.get(sequence) !== type)
    .map(({ sequence, type }) =>
      say(
        "webhooks agree with the log",
        id,
        `${sequence} is ${type}, in the log ${types.get(sequence) ?? "absent"}`,
      ),
    );
}

function judgeIds(receipts: readonly Receipt[]): Violation[] {
  const seen = new Map<string, string>();
  const found: Violation[] = [];
  for (const { id, jobId, sequence } of receipts) {
    const event = `${jobId} ${sequence}`;
    if ((seen.get(id) ?? event) !== event)
      found.push(say("a webhook id is one event", jobId, `${id} is two`));
    seen.set(id, event);
  }
  const idsOf = groupBy(receipts, ({ jobId, sequence }) => `${jobId} ${sequence}`);
  for (const [event, group] of idsOf) {
    if (new Set(group.map(({ id }) => id)).size > 1) {
      found.push(say("a webhook id is one event", event, "its repeats have several ids"));
    }
  }
  return found;
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function say(rule: Violation["rule"], subject: string, text: string): Violation {
  return { rule, subject, text };
}
