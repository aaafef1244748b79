import { FarmError } from "@latentfarm/contract";

/** Samplers that OpenTelemetry's specification names and its SDK has. */
const SAMPLERS: readonly string[] = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
];

const PROTOCOL = "http/protobuf";

type Env = Readonly<Record<string, string | undefined>>;

/** A variable that is set. */
interface Given {
  readonly name: string;
  readonly value: string;
}

/**
 * Whether a process is to trace: an OTLP endpoint is named and nothing switches it off. What else `OTEL_` names say, the
 * SDK reads by itself, and takes its default for a value that is wrong; what would leave an operator without traces, or
 * with another share of them than asked for, is an error here.
 * Source: opentelemetry.io, "Environment Variable Specification" and "OpenTelemetry Protocol Exporter".
 * @throws {FarmError} config_invalid, listing every problem
 */
export function wantsTraces(env: Env): boolean {
  const endpoint = firstOf(env, ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]);
  const isDisabled = given(env, "OTEL_SDK_DISABLED")?.toLowerCase() === "true";
  const exporter = given(env, "OTEL_TRACES_EXPORTER");
  if (endpoint === undefined || isDisabled || exporter === "none") return false;
  const problems = problemsOf(env, { endpoint, exporter });
  if (problems.length > 0) {
    const message = `Cannot trace as the environment is wrong: ${problems.join("; ")}`;
    throw new FarmError("config_invalid", message, { details: { problems } });
  }
  return true;
}

/** Values are not repeated: an endpoint may hold a password. */
function problemsOf(
  env: Env,
  { endpoint, exporter }: { readonly endpoint: Given; readonly exporter: string | undefined },
): string[] {
  const problems: string[] = [];
  const isUrl = URL.canParse(endpoint.value) && /^https?:$/.test(new URL(endpoint.value).protocol);
  if (!isUrl) problems.push(`${endpoint.name} must be a URL of http: or https:`);
  if (exporter !== undefined && exporter !== "otlp")
    problems.push("OTEL_TRACES_EXPORTER must be otlp or none");
  const protocol = firstOf(env, ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]);
  if (protocol !== undefined && protocol.value !== PROTOCOL)
    problems.push(`${protocol.name} must be ${PROTOCOL}`);
  const sampler = given(env, "OTEL_TRACES_SAMPLER");
  if (sampler !== undefined && !SAMPLERS.includes(sampler))
    problems.push(`OTEL_TRACES_SAMPLER must be one of ${SAMPLERS.join(", ")}`);
  if (sampler?.endsWith("traceidratio") && !isShare(given(env, "OTEL_TRACES_SAMPLER_ARG")))
    problems.push("OTEL_TRACES_SAMPLER_ARG must be 0..1");
  return problems;
}

function isShare(text: string | undefined): boolean {
  return text !== undefined && Number(text) >= 0 && Number(text) <= 1;
}

/** The variable that counts of several, the one that says more first. */
function firstOf(env: Env, names: readonly string[]): Given | undefined {
  for (const name of names) {
    const value = given(env, name);
    if (value !== undefined) return { name, value };
  }
  return undefined;
}

/** Empty counts as absent, as the specification has it. */
function given(env: Env, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === "" ? undefined : value;
}
