import type { SpanAttributes, SpanName, SpanProcess } from "./span-table.js";

/** Whose spans are made. */
export interface TracingOptions {
  /** What wantsTraces() says. */
  readonly isOn: boolean;
  readonly process: SpanProcess;
  /** Tells this process from others of its kind, such as the worker's id. */
  readonly instance: string;
}

/** A place in a trace; opaque, and only of use to the tracing that gave it. */
export type TraceContext = object;

/** A span that is under way. */
export interface FarmSpan {
  /** The place below it. */
  readonly context: TraceContext;
  set(attributes: SpanAttributes): void;
  /** Puts the values into the braces of its title. */
  rename(title: string): void;
  /** Marks it as failed; of an error only its code is told, since messages may name more. */
  fail(type: string): void;
  /** Ends it, now or at a time in milliseconds since 1970. */
  end(atMs?: number): void;
}

/** How a span begins. */
export interface StartOptions {
  readonly attributes?: SpanAttributes;
  /** Where it hangs; the active place when absent. */
  readonly parent?: TraceContext;
  /** Milliseconds since 1970; now when absent. */
  readonly startMs?: number;
  /** Spans elsewhere that it has to do with, by the places below them. Those that are not recorded are left out. */
  readonly links?: readonly TraceContext[];
  /** The title with its values, where the table's has braces. */
  readonly title?: string;
}

/** The ids of the active span, by the names that OpenTelemetry gives them in logs. */
export interface TraceLogFields {
  readonly trace_id?: string;
  readonly span_id?: string;
  readonly trace_flags?: string;
}

/** Where an exporter says that its collector is away, and that it is back. */
export interface OutageLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Makes the spans of one process, or nothing when traces are off. Disposing of it sends what is left, within a bound. */
export interface Tracing extends AsyncDisposable {
  /** False when nothing is traced: then nothing needs to be read or written for traces. */
  readonly isOn: boolean;
  /** The place where the work at hand stands. */
  active(): TraceContext;
  /** The place outside of every trace, for loops that outlive the work which started them. */
  root(): TraceContext;
  /** The same place with nothing recorded below it; the ids in logs stay. */
  quiet(context: TraceContext): TraceContext;
  /** Whether what happens below this place is recorded. */
  isRecorded(context: TraceContext): boolean;
  /** Does work at a place. */
  with<Result>(context: TraceContext, work: () => Result): Result;
  /** The same function, run where the work at hand stands now: for callbacks that others call. */
  bind<Args extends unknown[], Result>(call: (...args: Args) => Result): (...args: Args) => Result;
  /** Begins a span; whoever begins it ends it. */
  start(name: SpanName, options?: StartOptions): FarmSpan;
  /** Does work in a span, and marks it by what is thrown. */
  span<Result>(
    name: SpanName,
    attributes: SpanAttributes,
    work: (span: FarmSpan) => Promise<Result>,
  ): Promise<Result>;
  /** The span of the active place. */
  current(): Pick<FarmSpan, "set" | "fail">;
  /** W3C's `traceparent` of a place; undefined outside of every trace. */
  traceparent(context: TraceContext): string | undefined;
  /** The place as text that keeps whether it is quiet, for a record or a queue; empty outside of every trace. */
  write(context: TraceContext): string;
  /** The place that {@link write} gave as this text; undefined for any other text. */
  read(text: string): TraceContext | undefined;
  /** The place that a client's `traceparent` says, as W3C has it; undefined for any other text. It is never a quiet one. */
  readHeader(text: string): TraceContext | undefined;
  /** The ids for a log line; nothing outside of every trace. */
  logFields(): TraceLogFields;
  /** Has outages of the collector told to a log from now on, once each. */
  tellOutages(log: OutageLog): void;
}

const NOWHERE: TraceContext = Object.freeze({});
const NO_FIELDS: TraceLogFields = Object.freeze({});

const NO_SPAN: FarmSpan = Object.freeze({
  context: NOWHERE,
  set: () => undefined,
  rename: () => undefined,
  fail: () => undefined,
  end: () => undefined,
});

/** Tracing that is off: every call is one that does nothing. */
export const NO_TRACING: Tracing = Object.freeze({
  isOn: false,
  active: () => NOWHERE,
  root: () => NOWHERE,
  quiet: () => NOWHERE,
  isRecorded: () => false,
  with: <Result>(_context: TraceContext, work: () => Result) => work(),
  bind: <Args extends unknown[], Result>(call: (...args: Args) => Result) => call,
  start: () => NO_SPAN,
  span: <Result>(_name: SpanName, _attributes: SpanAttributes, work: (span: FarmSpan) => Promise<Result>) =>
    work(NO_SPAN),
  current: () => NO_SPAN,
  traceparent: () => undefined,
  write: () => "",
  read: () => undefined,
  readHeader: () => undefined,
  logFields: () => NO_FIELDS,
  tellOutages: () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
});
