/**
 * The values at `time` of the polynomials that are 1 at one of the nodes and 0 at the others: the weights with which
 * values at the nodes extrapolate to `time`.
 */
export function lagrangeWeights(nodes: readonly number[], time: number): readonly number[] {
  return nodes.map((node, index) =>
    nodes.reduce(
      (product, other, k) => (k === index ? product : (product * (time - other)) / (node - other)),
      1,
    ),
  );
}
