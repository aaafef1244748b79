import { type Container, type Manifest, nameOf, type Workload, workloadsOf } from "../manifest.js";
import { stringsBelow, type Tree } from "../tree.js";

/** What a chart renders, as the rules judge it. */
export interface Farm {
  readonly manifests: readonly Manifest[];
  readonly workloads: readonly Workload[];
  /** Every text of the values: what is named there may lie outside the chart. */
  readonly given: ReadonlySet<string>;
  /** The version in package.json. */
  readonly version: string;
}

/** One demand on a chart. */
export interface Rule {
  /** The demand in words: "containers run as no root". */
  readonly name: string;
  /** What breaks it, one line each with the object's name. */
  readonly check: (farm: Farm) => readonly string[];
}

/** A farm of what a chart has rendered. */
export function toFarm(manifests: readonly Manifest[], values: readonly unknown[], version: string): Farm {
  const given = new Set(values.flatMap((value) => stringsBelow(value).map(([, text]) => text)));
  return { manifests, workloads: workloadsOf(manifests), given, version };
}

/** Every finding of some rules, with the rule's name before it. */
export function judge(rules: readonly Rule[], farm: Farm): readonly string[] {
  return rules.flatMap(({ name, check }) => check(farm).map((finding) => `${name}: ${finding}`));
}

/** A rule that asks each container; its answer is what is wrong. */
export function containerRule(
  name: string,
  ask: (container: Container, workload: Workload) => string | undefined,
): Rule {
  return {
    name,
    check: ({ workloads }) =>
      workloads.flatMap((workload) =>
        workload.containers.flatMap((container) => {
          const wrong = ask(container, workload);
          return wrong === undefined
            ? []
            : [`${nameOf(workload.manifest)}: container ${container.name}: ${wrong}`];
        }),
      ),
  };
}

/** A rule that asks each pod. */
export function podRule(name: string, ask: (pod: Tree, workload: Workload) => readonly string[]): Rule {
  return {
    name,
    check: ({ workloads }) =>
      workloads.flatMap((workload) =>
        ask(workload.pod, workload).map((wrong) => `${nameOf(workload.manifest)}: ${wrong}`),
      ),
  };
}

/** The objects of a kind. */
export function ofKind(
  { manifests }: Pick<Farm, "manifests">,
  ...kinds: readonly string[]
): readonly Manifest[] {
  return manifests.filter(({ kind }) => kinds.includes(kind));
}
