import { FarmError } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { wantsTraces } from "./trace-settings.js";

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };

function problems(env: Record<string, string>): string[] {
  try {
    wantsTraces({ ...ENDPOINT, ...env });
  } catch (error) {
    if (!(error instanceof FarmError && error.code === "config_invalid")) throw error;
    return error.message.split("; ");
  }
  return [];
}

describe("wantsTraces()", () => {
  it("is off without an endpoint, and on with either name of it", () => {
    expect(wantsTraces({})).toBe(false);
    expect(wantsTraces({ OTEL_EXPORTER_OTLP_ENDPOINT: " " })).toBe(false);
    expect(wantsTraces(ENDPOINT)).toBe(true);
    expect(wantsTraces({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://a.example/v1/traces" })).toBe(true);
  });

  it("is switched off whatever else is said", () => {
    expect(wantsTraces({ ...ENDPOINT, OTEL_SDK_DISABLED: "true" })).toBe(false);
    expect(wantsTraces({ ...ENDPOINT, OTEL_TRACES_EXPORTER: "none", OTEL_TRACES_SAMPLER: "x" })).toBe(false);
  });

  it("takes an empty variable for one that is not set, as OpenTelemetry does", () => {
    expect(wantsTraces({ OTEL_EXPORTER_OTLP_ENDPOINT: "" })).toBe(false);
    expect(
      wantsTraces({ ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "", OTEL_TRACES_SAMPLER: "" }),
    ).toBe(true);
  });

  it("names the variable that it has read", () => {
    for (const name of [
      "OTEL_EXPORTER_OTLP_ENDPOINT",
      "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
      "OTEL_EXPORTER_OTLP_PROTOCOL",
      "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    ])
      expect(problems({ [name]: "grpc" }).join()).toMatch(new RegExp(`: ${name} must be`));
  });

  it("refuses what would leave an operator without traces, and repeats no endpoint", () => {
    expect(problems({ OTEL_EXPORTER_OTLP_ENDPOINT: "ftp://u:hunter2@a" }).join()).not.toContain("hunter2");
    for (const env of [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "127.0.0.1:4318" },
      { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
      { OTEL_TRACES_EXPORTER: "zipkin" },
      { OTEL_TRACES_SAMPLER: "sometimes" },
      { OTEL_TRACES_SAMPLER: "traceidratio" },
      { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "1.1" },
    ])
      expect(problems(env), JSON.stringify(env)).toHaveLength(1);
    expect(problems({ OTEL_TRACES_SAMPLER: "x", OTEL_EXPORTER_OTLP_PROTOCOL: "y" })).toHaveLength(2);
    expect(problems({ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" })).toEqual([]);
  });
});
