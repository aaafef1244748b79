import type { Ending, Violation } from "./record.js";

/** Mean difference, of 255: batch mates may move a picture by less than this, a wrong one is far off. */
export const DIFFERENCE_MAX = 1;

/** What is wrong with the pictures of one job. */
export function judgePictures({ id, job, frames }: Ending): Violation[] {
  if (job === undefined) return [];
  const say = (rule: Violation["rule"], text: string): Violation => ({ rule, subject: id, text });
  const found: Violation[] = [];
  const open = job.frames.filter(({ status }) => ["queued", "running"].includes(status));
  if (open.length > 0 && ["succeeded", "failed", "canceled", "expired"].includes(job.status)) {
    found.push(say("frames agree with their job", `${open.length} frames of an ended job are not`));
  }
  if (job.status === "succeeded" && job.frames.some(({ status }) => status !== "succeeded")) {
    found.push(say("frames agree with their job", "it succeeded without all of its frames"));
  }
  for (const frame of job.frames.filter(({ status }) => status === "succeeded")) {
    const served = frames.find(({ index }) => index === frame.index);
    if (served?.status !== 200) {
      found.push(
        say("pictures are fetchable", `frame ${frame.index} answers ${served?.status ?? "nothing"}`),
      );
      continue;
    }
    if (served.sha256 !== frame.sha256) {
      found.push(say("pictures are whole", `frame ${frame.index} has other bytes than the job says`));
    }
    if (!(served.difference !== undefined && served.difference < DIFFERENCE_MAX)) {
      found.push(
        say("pictures are right", `frame ${frame.index} differs by ${served.difference ?? "no picture"}`),
      );
    }
  }
  return found;
}
