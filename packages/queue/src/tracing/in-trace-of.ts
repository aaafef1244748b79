import { readPlaces, type TraceSource } from "./read-places.js";

/** Does work, or writes a line, at the place in a trace that a record names by its key. */
export async function inTraceOf<Result>(
  source: TraceSource,
  key: string,
  work: () => Result | Promise<Result>,
): Promise<Result> {
  const { tracing } = source;
  const place = tracing.read((await readPlaces(source, [key])).get(key) ?? "") ?? tracing.root();
  return tracing.with(place, work);
}
