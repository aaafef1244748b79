import { ATTRIBUTES } from "@latentfarm/telemetry";
import type { ReceivedSpan } from "../harness/index.js";

/** What is judged: the spans of one trace, and the client's span, which is not among them. */
export interface JudgedTrace {
  readonly spans: readonly ReceivedSpan[];
  /** The client's span, in which every chain of parents ends. */
  readonly clientSpan: string;
}

/** The spans from which no chain of parents leads to the client's span, by name and process. */
export function findOrphans({ spans, clientSpan }: JudgedTrace): string[] {
  const parents = new Map(spans.map(({ spanId, parentId }) => [spanId, parentId]));
  const isRooted = (id: string): boolean => {
    const seen = new Set<string>();
    for (let at = id; !seen.has(at); at = parents.get(at) ?? "") {
      if (at === clientSpan) return true;
      seen.add(at);
    }
    return false;
  };
  return spans.filter(({ spanId }) => !isRooted(spanId)).map(describe);
}

/** The links that lead to no span of `name`, and the spans of `from` without any link. */
export function findDeadLinks(spans: readonly ReceivedSpan[], from: string, name: string): string[] {
  const targets = new Set(
    spans.filter((span) => span.name === name).map(({ traceId, spanId }) => `${traceId}/${spanId}`),
  );
  return spans
    .filter((span) => span.name === from)
    .flatMap((span) => {
      if (span.links.length === 0) return [`${describe(span)} has no link`];
      const dead = span.links.filter(({ traceId, spanId }) => !targets.has(`${traceId}/${spanId}`));
      return dead.map(({ spanId }) => `${describe(span)} links to ${spanId}`);
    });
}

/** Attributes that are not in the table, and spans that end before they begin. */
export function findOddities(spans: readonly ReceivedSpan[]): string[] {
  return spans.flatMap((span) => {
    const foreign = Object.keys(span.attributes).filter((key) => !Object.hasOwn(ATTRIBUTES, key));
    const found = foreign.map((key) => `${describe(span)} has ${key}`);
    return span.endMs < span.startMs ? [...found, `${describe(span)} ends before it begins`] : found;
  });
}

/** Lines of a log about a job whose ids are not those of its trace. */
export function findStrayLines(
  log: string,
  job: { readonly id: string; readonly traceId: string },
): string[] {
  return log
    .split("\n")
    .filter((line) => line.includes(job.id))
    .filter((line) => {
      const fields: Record<string, unknown> = JSON.parse(line);
      return fields.trace_id !== job.traceId || !/^[0-9a-f]{16}$/.test(String(fields.span_id));
    });
}

function describe({ name, resource }: ReceivedSpan): string {
  return `${name} of ${resource["service.instance.id"] ?? "nobody"}`;
}
