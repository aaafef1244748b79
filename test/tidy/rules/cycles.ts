/**
 * The cycles of a directed graph, one per arrow that comes back to an open chain, each as the list of its places with
 * the first repeated at the end.
 */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const state = new Map<string, "open" | "closed">();
  const chain: string[] = [];
  const found: string[][] = [];
  const visit = (place: string): void => {
    if (state.get(place) === "closed") return;
    if (state.get(place) === "open") {
      found.push([...chain.slice(chain.indexOf(place)), place]);
      return;
    }
    state.set(place, "open");
    chain.push(place);
    for (const target of graph.get(place) ?? []) visit(target);
    chain.pop();
    state.set(place, "closed");
  };
  for (const place of graph.keys()) visit(place);
  return found;
}
