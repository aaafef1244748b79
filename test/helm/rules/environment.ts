import { FARM_ENV_HELP, parseFarmEnv } from "@latentfarm/contract";
import { type Container, nameOf } from "../manifest.js";
import { dig, digList, digText } from "../tree.js";
import { containerRule, podRule, type Rule } from "./rule.js";

/** Values that stand for what a Secret or the pod's own fields give at run time, of the form that each name takes. */
const STAND_INS: Readonly<Record<string, string>> = {
  FARM_REDIS_URL: "rediss://redis.example:6379",
  FARM_API_KEY: `lf_${"0".repeat(12)}_${"Z".repeat(40)}`,
};
const STAND_IN = "stand-in";

/** A container's environment as its process will see it, with stand-ins for what is not in the manifest. */
export function environmentOf({ body }: Container): Readonly<Record<string, string>> {
  return Object.fromEntries(
    digList(body, "env").map((one) => {
      const isPlain = dig(one, "valueFrom") === undefined;
      return [digText(one, "name"), isPlain ? digText(one, "value") : standIn(one)];
    }),
  );
}

function standIn(variable: unknown): string {
  // Amounts of cores and memory are told as whole numbers.
  if (dig(variable, "valueFrom.resourceFieldRef") !== undefined) return "1";
  return STAND_INS[digText(variable, "name")] ?? STAND_IN;
}

/** The farm's variables. */
export const ENVIRONMENT_RULES: readonly Rule[] = [
  containerRule("variables of the farm are ones that it knows", ({ body }) => {
    const unknown = digList(body, "env")
      .map((one) => digText(one, "name"))
      .filter((name) => name.startsWith("FARM_") && !Object.hasOwn(FARM_ENV_HELP, name));
    return unknown.length > 0 ? `unknown: ${unknown}` : undefined;
  }),
  containerRule("the farm takes its variables as they are rendered", (container) => {
    try {
      parseFarmEnv(environmentOf(container));
      return undefined;
    } catch (error) {
      return JSON.stringify(Object(error).details?.problems ?? String(error));
    }
  }),
  containerRule("variables are texts, once each", ({ body }) => {
    const entries = digList(body, "env");
    const names = entries.map((one) => digText(one, "name"));
    const twice = names.filter((name, index) => names.indexOf(name) !== index);
    if (twice.length > 0) return `twice: ${twice}`;
    const empty = entries.filter(
      (one) => dig(one, "valueFrom") === undefined && digText(one, "value") === "",
    );
    return empty.length > 0 ? `empty: ${empty.map((one) => digText(one, "name"))}` : undefined;
  }),
  podRule("a process listens on the port that its container names", (_pod, workload) =>
    workload.containers.flatMap((container) => {
      const env = environmentOf(container);
      const ports = [
        [env.FARM_PORT, "http"],
        [env.FARM_METRICS_PORT, "metrics"],
      ] as const;
      return ports.flatMap(([value, name]) => {
        if (value === undefined) return [];
        const port = digList(container.body, "ports").find((one) => digText(one, "name") === name);
        return String(dig(port, "containerPort")) === value
          ? []
          : [
              `container ${container.name} of ${nameOf(workload.manifest)} listens on ${value}, not on ${name}`,
            ];
      });
    }),
  ),
  containerRule("a process with a port listens on every address of its pod", (container) => {
    const env = environmentOf(container);
    const wrong = [
      ["FARM_PORT", "FARM_HOST"],
      ["FARM_METRICS_PORT", "FARM_METRICS_HOST"],
    ].filter(
      ([port = "", host = ""]) => env[port] !== undefined && !["0.0.0.0", "::"].includes(env[host] ?? ""),
    );
    return wrong.length > 0 ? `not told: ${wrong.map(([, host]) => host)}` : undefined;
  }),
];
