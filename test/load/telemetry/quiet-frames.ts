import { writeFileSync } from "node:fs";
import { quantileOf } from "../measure/summary.js";

/** Names the file that gets what sending cost, as {@link SentReports}. */
export const SENT_FILE_VARIABLE = "BENCH_SENT_FILE";

/** What an engine has sent of step batches. */
export interface SentReports {
  readonly messages: number;
  /** Milliseconds on the wall inside of `process.send`, in the median. */
  readonly ms: number;
}

/**
 * Loaded into a real engine process by `--import`: what it tells of step batches is held back for frames without a tag, so
 * that one process draws frames with and without telling in turns. Two processes would differ by more than what is measured.
 */
function holdBackQuiet(file: string): void {
  const send = process.send?.bind(process);
  if (send === undefined) return;
  const times: number[] = [];
  process.send = (message: unknown, ...others: never[]): boolean => {
    if (!isReport(message)) return send(message, ...others);
    if (message.batches.every(({ frames }) => frames.length === 0)) return true;
    const begunAt = performance.now();
    const isTaken = send(message, ...others);
    times.push(performance.now() - begunAt);
    return isTaken;
  };
  process.on("exit", () => {
    const sent: SentReports = { messages: times.length, ms: quantileOf(times, 0.5) };
    writeFileSync(file, JSON.stringify(sent));
  });
}

function isReport(message: unknown): message is { batches: readonly { frames: readonly number[] }[] } {
  return typeof message === "object" && message !== null && "batches" in message;
}

const file = process.env[SENT_FILE_VARIABLE];
if (file !== undefined) holdBackQuiet(file);
