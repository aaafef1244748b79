import { isKnownMetric, metricsNamedIn } from "../../metrics/metric-names.js";
import { type Manifest, nameOf } from "../manifest.js";
import { digList, digText } from "../tree.js";
import { type Farm, ofKind, type Rule } from "./rule.js";

/** A PromQL expression of a manifest. */
export interface Query {
  readonly where: string;
  readonly expr: string;
}

/** The expressions by which KEDA scales. */
export function scalerQueries(farm: Pick<Farm, "manifests">): readonly Query[] {
  return ofKind(farm, "ScaledObject").flatMap((scaler) =>
    digList(scaler.body, "spec.triggers")
      .filter((trigger) => digText(trigger, "type") === "prometheus")
      .map((trigger) => ({ where: nameOf(scaler), expr: digText(trigger, "metadata.query") })),
  );
}

/** Every expression of a chart: those of scalers, and those of Prometheus' rules. */
export function queriesOf(farm: Pick<Farm, "manifests">): readonly Query[] {
  return [...scalerQueries(farm), ...ofKind(farm, "PrometheusRule").flatMap(ruleQueries)];
}

function ruleQueries(manifest: Manifest): readonly Query[] {
  return digList(manifest.body, "spec.groups").flatMap((group) =>
    digList(group, "rules").map((rule) => ({
      where: `${nameOf(manifest)} ${digText(rule, "alert") || digText(rule, "record")}`,
      expr: digText(rule, "expr"),
    })),
  );
}

/** Numbers that scalers and alerts go by. */
export const METRIC_RULES: readonly Rule[] = [
  {
    name: "metrics that are asked for are ones that the farm tells",
    check: (farm) =>
      queriesOf(farm).flatMap(({ where, expr }) =>
        metricsNamedIn(expr)
          .filter((name) => !isKnownMetric(name))
          .map((name) => `${where} asks ${name}`),
      ),
  },
  {
    name: "a scaler asks for a metric of the farm",
    check: (farm) =>
      scalerQueries(farm)
        .filter(({ expr }) => !metricsNamedIn(expr).some((name) => name.startsWith("farm_")))
        .map(({ where }) => where),
  },
];
