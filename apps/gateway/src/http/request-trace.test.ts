import { createTracing, NO_TRACING, type Tracing } from "@latentfarm/telemetry";
import request from "supertest";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.js";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const PARENT = `00-${TRACE_ID}-b7ad6b7169203331-00`;

let tracing: Tracing;
let gateway: TestGateway | undefined;

beforeAll(async () => {
  // Its spans have ids and go nowhere.
  vi.stubEnv("OTEL_TRACES_SAMPLER", "always_off");
  tracing = await createTracing({ isOn: true, process: "gateway", instance: "g" });
  vi.unstubAllEnvs();
});
afterAll(() => tracing[Symbol.asyncDispose]());
afterEach(() => gateway?.[Symbol.asyncDispose]());

async function open(own: Tracing = tracing, logged: object[] = []) {
  const write = () => void logged.push(own.logFields());
  gateway = await createTestGateway({ tracing: own, log: { info: write, warn: write, error: write } });
  return gateway.app;
}

describe("traceRequests()", () => {
  it("answers with the client's trace, in errors too, and has its id in the request's line", async () => {
    const logged: object[] = [];
    const app = await open(tracing, logged);
    for (const path of ["/v1/models", "/v1/jobs/job_none", "/nowhere"]) {
      const response = await request(app).get(path).set("traceparent", PARENT);
      expect(response.headers.traceresponse).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-00$`));
      expect(response.headers.traceresponse).not.toContain("b7ad6b7169203331");
    }
    const traced = logged.filter((fields) => "trace_id" in fields);
    expect(traced).toHaveLength(3);
    expect(traced[0]).toMatchObject({ trace_id: TRACE_ID });
  });

  it("begins a trace of its own without one, or with one that is malformed", async () => {
    const app = await open();
    const plain = await request(app).get("/v1/models");
    expect(plain.headers.traceresponse).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    // The second is how the farm itself writes a place where nothing is recorded: no client may ask for one.
    for (const end of ["x", "/quiet"]) {
      const odd = await request(app).get("/v1/models").set("traceparent", `${PARENT}${end}`);
      expect(odd.headers.traceresponse).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
      expect(odd.headers.traceresponse).not.toContain(TRACE_ID);
    }
  });

  it("leaves probes alone, and every request while traces are off", async () => {
    const app = await open();
    expect((await request(app).get("/healthz")).headers).not.toHaveProperty("traceresponse");
    await gateway?.[Symbol.asyncDispose]();
    const off = await open(NO_TRACING);
    const response = await request(off).get("/v1/models").set("traceparent", PARENT);
    expect(response.headers).not.toHaveProperty("traceresponse");
  });
});
