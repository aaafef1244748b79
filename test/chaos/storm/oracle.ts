import { isTerminal } from "@latentfarm/contract";
import { judgeBooks } from "./judge-books.js";
import { judgeLog } from "./judge-log.js";
import { judgePictures } from "./judge-pictures.js";
import { judgeWebhooks } from "./judge-webhooks.js";
import type { Ending, StormRecord, Story, Violation } from "./record.js";

/**
 * Compares what the clients were told with what the farm says once it is calm again. Every finding is a broken promise
 * of the farm, not of a fault: no fault of a storm takes a result or an acknowledgement back.
 */
export function judge(record: StormRecord): Violation[] {
  const endings = new Map(record.endings.map((ending) => [ending.id, ending]));
  return [
    ...record.stories.flatMap((story) => judgeStory(story, endings)),
    ...record.endings.flatMap((ending) => [...judgeLog(ending), ...judgePictures(ending)]),
    ...judgeWebhooks(record),
    ...judgeBooks(record),
  ];
}

function judgeStory(story: Story, endings: ReadonlyMap<string, Ending>): Violation[] {
  const { plan, accepted, oddAnswers } = story;
  const subject = `plan ${plan.number}`;
  const ids = [...new Set(accepted)];
  const ending = endings.get(ids[0] ?? "");
  return [
    ...oddAnswers.map((text) => violation("well-meant requests are not refused", subject, text)),
    ...(ids.length > 1 ? [violation("one key is one job", subject, `it became ${ids.join(", ")}`)] : []),
    ...(ids[0] === undefined ? [] : judgeAccepted(story, ids[0], ending)),
  ];
}

function judgeAccepted(story: Story, id: string, ending: Ending | undefined): Violation[] {
  const job = ending?.job;
  if (ending === undefined || job === undefined) {
    return [violation("accepted jobs are known", id, "the farm does not know it")];
  }
  if (!isTerminal(job.status)) return [violation("jobs end", id, `it is ${job.status}`)];
  const seenEnds = story.sightings.filter(({ status }) => isTerminal(status));
  const changed = seenEnds.filter(({ status }) => status !== job.status);
  return [
    ...changed.map(({ status, how }) =>
      violation("ends stay", id, `${how} told ${status}, it is ${job.status}`),
    ),
    ...(story.sawEnd
      ? []
      : [violation("clients see the end", id, `nobody was told that it is ${job.status}`)]),
    ...judgeOutcome(story, id, job.status),
    ...judgeStreams(story, ending),
  ];
}

function judgeOutcome(story: Story, id: string, status: string): Violation[] {
  const { cancelAnswered, cancelSent, plan } = story;
  const found: Violation[] = [];
  if (status === "canceled" && !cancelSent) {
    found.push(violation("canceled only when asked", id, "nobody asked"));
  }
  if (status === "expired" && plan.startWithin === undefined) {
    found.push(violation("expired only when allowed", id, "it has no start_within"));
  }
  if (status === "failed") {
    found.push(violation("innocent jobs do not fail", id, "its parameters are sound"));
  }
  // A frame that was ready counts even if its job was canceled a moment ago: then the job has succeeded by itself.
  const canEnd = ["canceled", "succeeded", "expired"];
  if (cancelAnswered && !canEnd.includes(status)) {
    found.push(violation("canceled when asked", id, `it is ${status}`));
  }
  return found;
}

function judgeStreams(story: Story, ending: Ending): Violation[] {
  const log = new Map(ending.log.map((event) => [event.id, event]));
  return story.streams.flatMap((stream) => [
    ...stream
      .filter(({ id, type }) => type !== "frame.preview" && log.get(id)?.type !== type)
      .map(({ id, type }) =>
        violation(
          "what was streamed is in the log",
          ending.id,
          `${id} was ${type}, is ${log.get(id)?.type ?? "absent"}`,
        ),
      ),
    ...stream
      .filter(({ id }, at) => id <= (stream[at - 1]?.id ?? 0))
      .map(({ id }) => violation("ids increase", ending.id, `a stream has ${id} late`)),
  ]);
}

function violation(rule: Violation["rule"], subject: string, text: string): Violation {
  return { rule, subject, text };
}
