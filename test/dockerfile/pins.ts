import type { Stage } from "./read-dockerfile.js";

/** A tag that says an exact version (three numbers at least); what follows names the variant. */
const EXACT_TAG = /^v?\d+\.\d+\.\d+(?:[-.+][\w.+-]*)?$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** What is wrong with the bases of stages: each must be an earlier stage, or have a registry, an exact version or a digest. */
export function pinProblems(stages: readonly Stage[]): readonly string[] {
  return stages.flatMap((stage, index) => {
    const isEarlier = stages.slice(0, index).some(({ name }) => name === stage.base);
    const problem = isEarlier ? undefined : problemOf(stage.base);
    return problem === undefined ? [] : [`${stage.name}: ${problem}`];
  });
}

function problemOf(base: string): string | undefined {
  const [named = "", digest] = base.split("@");
  const [registry = "", ...rest] = named.split("/");
  const [, tag] = (rest.at(-1) ?? "").split(":");
  if (rest.length === 0 || !registry.includes(".")) return `${base} names no registry`;
  if (digest !== undefined) return DIGEST.test(digest) ? undefined : `${base} has a digest of a wrong form`;
  if (tag === undefined) return `${base} has no version`;
  return EXACT_TAG.test(tag) ? undefined : `${base} has no exact version`;
}
