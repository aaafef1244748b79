import type { ServerResponse } from "node:http";
import type { WireEvent } from "@latentfarm/contract";
import { describe, expect, test } from "vitest";
import { createLatentfarmClient, type EventOptions } from "./index.js";
import { answerJson, answerProblem, type FakeFarm, startFakeFarm } from "./testing/fake-farm.js";

const eventOf = (id: number, type: string) => ({ id, job_id: "job_1", timestamp: "t", type, data: {} });
const messageOf = (id: number, type: string) =>
  `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(eventOf(id, type))}\n\n`;

function stream(response: ServerResponse, ...parts: string[]): ServerResponse {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const part of parts) response.write(part);
  return response;
}

function clientOf(farm: FakeFarm) {
  const pauses: number[] = [];
  const pause = async (ms: number) => void pauses.push(ms);
  return { client: createLatentfarmClient({ baseUrl: farm.baseUrl, pause }), pauses };
}

async function collect(farm: FakeFarm, options?: EventOptions) {
  const { client, pauses } = clientOf(farm);
  const events: WireEvent[] = [];
  for await (const event of client.events("job_1", options)) events.push(event);
  return { ids: events.map(({ id }) => id), pauses };
}

const lastIds = (farm: FakeFarm) => farm.requests.map(({ headers }) => headers["last-event-id"]);

describe("events()", () => {
  test("events() gives every event in order, and ends where the farm says that nothing is left", async () => {
    await using farm = await startFakeFarm((response, _request, number) =>
      number === 0
        ? stream(
            response,
            "retry: 2000\n\n",
            messageOf(1, "job.queued"),
            ": alive\n\n",
            messageOf(2, "job.succeeded"),
          ).end()
        : response.writeHead(204).end(),
    );
    expect(await collect(farm)).toEqual({ ids: [1, 2], pauses: [] });
    expect(lastIds(farm)).toEqual([undefined, "2"]);
    expect(farm.requests[0]).toMatchObject({
      url: "/v1/jobs/job_1/events",
      headers: { accept: "text/event-stream" },
    });
  });

  test("events() goes on behind the last event when the connection breaks, and repeats none", async () => {
    await using farm = await startFakeFarm((response, _request, number) => {
      if (number === 0) return void stream(response, messageOf(1, "job.queued"), "id: 2\nda", "").end();
      if (number === 1) return response.destroy();
      if (number === 2) return answerProblem(response, 503, { code: "queue_unavailable" });
      if (number === 3) {
        return void stream(
          response,
          messageOf(1, "job.queued"),
          messageOf(2, "job.started"),
          messageOf(3, "job.failed"),
        ).end();
      }
      response.writeHead(204).end();
    });
    const { ids, pauses } = await collect(farm);
    expect(ids).toEqual([1, 2, 3]);
    expect(pauses).toEqual([2_000, 2_000, 2_000]);
    expect(lastIds(farm)).toEqual([undefined, "1", "1", "1", "3"]);
  });

  test("events() reads on behind the end of a job that was retried", async () => {
    await using farm = await startFakeFarm((response, _request, number) => {
      if (number === 0)
        return void stream(response, messageOf(1, "job.queued"), messageOf(2, "job.failed")).end();
      if (number === 1)
        return void stream(response, messageOf(3, "job.retried"), messageOf(4, "job.succeeded")).end();
      response.writeHead(204).end();
    });
    expect((await collect(farm)).ids).toEqual([1, 2, 3, 4]);
  });

  test("events() joins an event that comes in pieces, cut inside a character", async () => {
    const bytes = Buffer.from(messageOf(1, "job.queued").replace('"t"', '"é"'));
    await using farm = await startFakeFarm((response, _request, number) => {
      if (number > 0) return void response.writeHead(204).end();
      response.writeHead(200, { "content-type": "text/event-stream" });
      const pieces = Array.from(bytes, (byte) => Buffer.from([byte]));
      const next = (): void => {
        const piece = pieces.shift();
        if (piece === undefined) return void response.end();
        response.write(piece, next);
      };
      next();
    });
    const { client } = clientOf(farm);
    const first = await client.events("job_1").next();
    expect(first.value).toMatchObject({ id: 1, timestamp: "é" });
  });

  test("events() begins behind a given event", async () => {
    await using farm = await startFakeFarm((response) => response.writeHead(204).end());
    expect((await collect(farm, { after: 41 })).ids).toEqual([]);
    expect(lastIds(farm)).toEqual(["41"]);
  });

  test("events() rejects for a job that is not there, and after ten fruitless connections", async () => {
    await using none = await startFakeFarm((response) => answerProblem(response, 404, { code: "not_found" }));
    await expect(collect(none)).rejects.toMatchObject({ code: "not_found" });
    expect(none.requests).toHaveLength(1);
    await using broken = await startFakeFarm((response) => response.destroy());
    await expect(collect(broken)).rejects.toMatchObject({ code: "unreachable" });
    expect(broken.requests).toHaveLength(10);
  });

  test("events() refuses an event that does not end, or is no JSON", async () => {
    await using endless = await startFakeFarm((response) => {
      stream(response, "data: ");
      const more = (): void => {
        while (!response.destroyed && response.write("a".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    });
    await expect(collect(endless)).rejects.toMatchObject({ code: "unexpected_answer" });
    await using broken = await startFakeFarm((response) => stream(response, "data: {\n\n"));
    await expect(collect(broken)).rejects.toMatchObject({ code: "unexpected_answer" });
  });

  test("events() closes its connection when the reader stops, and when its signal aborts", async () => {
    let closed = 0;
    await using farm = await startFakeFarm((response) => {
      response.on("close", () => (closed += 1));
      stream(response, messageOf(1, "job.queued"));
    });
    const { client } = clientOf(farm);
    for await (const _event of client.events("job_1")) break;
    await expect.poll(() => closed).toBe(1);
    const stop = new AbortController();
    for await (const _event of client.events("job_1", { signal: stop.signal })) {
      stop.abort(new Error("enough"));
      await expect(client.events("job_1", { signal: stop.signal }).next()).rejects.toThrow("enough");
      break;
    }
    await expect.poll(() => closed).toBe(2);
  });
});

describe("wait()", () => {
  test("wait() follows the events and gives the ended job", async () => {
    await using farm = await startFakeFarm((response, request, number) => {
      if (!request.url.endsWith("/events")) {
        return answerJson(response, 200, { id: "job_1", status: number === 0 ? "queued" : "failed" });
      }
      if (request.headers["last-event-id"] !== undefined) return void response.writeHead(204).end();
      stream(response, messageOf(1, "job.failed")).end();
    });
    const { client, pauses } = clientOf(farm);
    expect(await client.wait("job_1")).toMatchObject({ status: "failed" });
    expect(farm.requests.map(({ url }) => url.replace("/v1/jobs/job_1", ""))).toEqual([
      "",
      "/events",
      "/events",
      "",
    ]);
    expect(pauses).toEqual([]);
  });

  test("wait() asks once for a job that has ended, and not in a hurry for one whose events say nothing", async () => {
    await using ended = await startFakeFarm((response) => answerJson(response, 200, { status: "expired" }));
    await clientOf(ended).client.wait("job_1");
    expect(ended.requests).toHaveLength(1);
    await using odd = await startFakeFarm((response, request, number) =>
      request.url.endsWith("/events")
        ? response.writeHead(204).end()
        : answerJson(response, 200, { status: number < 4 ? "running" : "succeeded" }),
    );
    const { client, pauses } = clientOf(odd);
    expect(await client.wait("job_1")).toMatchObject({ status: "succeeded" });
    expect(pauses).toEqual([500]);
  });
});
