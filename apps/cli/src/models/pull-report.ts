import type { PullEvents } from "@latentfarm/storage/model-cache";
import { createLogger, type Logger } from "@latentfarm/telemetry";
import { Presets, SingleBar } from "cli-progress";
import type { Terminal } from "../terminal.js";
import { formatBytes } from "./format-bytes.js";

/** Milliseconds between two lines of progress in a log: a pull takes minutes. */
const LINE_MS = 5_000;
const MS_PER_SECOND = 1_000;
const PERCENT = 100;

/** Tells a pull to whoever watches. */
export interface PullReport extends PullEvents {
  say(fields: Readonly<Record<string, unknown>>, sentence: string): void;
  stop(): void;
}

/** A bar where a line can be drawn over, else lines of JSON, as the farm's other processes log. */
export function createPullReport(terminal: Terminal, nowMs: () => number): PullReport {
  return terminal.interactive ? drawBar(terminal) : writeLines(terminal, nowMs);
}

/** A log on the terminal's error stream, since results go to the other. */
export function createModelsLog(terminal: Terminal): Logger {
  const write = (line: string) => terminal.err(line.trimEnd());
  return createLogger({ name: "models", level: "info", destination: { write } });
}

function writeLines(terminal: Terminal, nowMs: () => number): PullReport {
  const log = createModelsLog(terminal);
  let nextMs = 0;
  let first: { readonly bytes: number; readonly ms: number } | undefined;
  /** True once in a while. */
  const isDue = () => {
    if (nowMs() < nextMs) return false;
    nextMs = nowMs() + LINE_MS;
    return true;
  };
  return {
    say: (fields, sentence) => log.info(fields, sentence),
    onProgress(doneBytes, totalBytes) {
      // What an earlier process fetched is no speed of this one.
      first ??= { bytes: doneBytes, ms: nowMs() };
      if (!isDue()) return;
      const seconds = (nowMs() - first.ms) / MS_PER_SECOND;
      const bytesPerSecond = seconds > 0 ? Math.round((doneBytes - first.bytes) / seconds) : 0;
      log.info(
        { doneBytes, totalBytes, percent: percentOf(doneBytes, totalBytes), bytesPerSecond },
        "model is pulled",
      );
    },
    onVerified: (path, seconds) => log.info({ path, seconds }, "file gives its checksum"),
    onTrouble: (path, reason) => log.warn({ path, reason }, "trouble with a file, the pull goes on"),
    onWait(note) {
      if (isDue()) log.info({ ...note }, "another process pulls the model");
    },
    onUnchecked: (error) =>
      log.warn({ reason: error.message }, "source is away, the model that lies here is taken"),
    onPruned: ({ name, bytes }) => log.warn({ model: name, bytes }, "unused model is removed to make room"),
    stop: () => undefined,
  };
}

function percentOf(done: number, total: number): number {
  return total === 0 ? PERCENT : Math.floor((PERCENT * done) / total);
}

function drawBar(terminal: Terminal): PullReport {
  const format = " {bar} {percentage}% | {done} of {all} | {what} | {duration_formatted}";
  const options = { format, stream: terminal.progress, hideCursor: true, clearOnComplete: true, barsize: 30 };
  const bar = new SingleBar({ ...options, gracefulExit: false }, Presets.shades_classic);
  let isDrawn = false;
  const draw = (doneBytes: number, totalBytes: number, what: string) => {
    const text = { done: formatBytes(doneBytes), all: formatBytes(totalBytes), what };
    if (!isDrawn) bar.start(totalBytes, doneBytes, text);
    isDrawn = true;
    bar.setTotal(totalBytes);
    bar.update(doneBytes, text);
  };
  const say = (line: string) => {
    if (isDrawn) bar.stop();
    isDrawn = false;
    terminal.err(line);
  };
  return {
    say: (_fields, sentence) => say(sentence),
    onProgress: (done, total) => draw(done, total, "pulling"),
    onVerified: () => undefined,
    onTrouble: (path, reason) => say(`${path}: ${reason}`),
    onWait: (note) => note && draw(note.doneBytes, note.totalBytes, "another process pulls"),
    onUnchecked: (error) => say(`the source is away, the model that lies here is taken: ${error.message}`),
    onPruned: ({ name, bytes }) =>
      say(`removed ${name}, which nobody uses, for ${formatBytes(bytes)} of room`),
    stop: () => bar.stop(),
  };
}
