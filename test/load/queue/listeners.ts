import { Agent, type ClientRequest, get } from "node:http";
import { sharedNowMs } from "../measure/monotonic-clock.js";

/** Streams that connect at once. */
const OPENS_TOGETHER = 50;

const OK = 200;

/** Where to listen. */
export interface ListenTask {
  readonly farmUrl: string;
  /** Paths of event streams; each gets one listener. */
  readonly paths: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

/** What the process that listens can be asked. */
export type ListenerCalls = ReturnType<typeof createListenersRole>;

/** The role `listeners`: many clients that each hold one event stream open. */
export function createListenersRole() {
  const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });
  const streams: ClientRequest[] = [];
  const endedMs = new Map<string, number>();
  const asked = new Map<string, (atMs: number) => void>();
  const note = (path: string): void => {
    const atMs = sharedNowMs();
    endedMs.set(path, atMs);
    asked.get(path)?.(atMs);
  };
  return {
    /** Opens a stream for each path; resolves when each has had its first event. */
    async open({ farmUrl, paths, headers }: ListenTask): Promise<void> {
      const left = paths.values();
      const openNext = async (): Promise<void> => {
        for (const path of left) {
          const url = `${farmUrl}${path}`;
          streams.push(await openStream({ url, agent, headers, onEnd: () => note(path) }));
        }
      };
      await Promise.all(Array.from({ length: OPENS_TOGETHER }, openNext));
    },
    /** When the stream of that path told the end of its job, once it did. */
    async endOf(path: string): Promise<number> {
      return endedMs.get(path) ?? (await new Promise<number>((resolve) => asked.set(path, resolve)));
    },
    async close(_: undefined): Promise<void> {
      for (const stream of streams) stream.destroy();
      agent.destroy();
    },
  };
}

function openStream(options: {
  readonly url: string;
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
  readonly onEnd: () => void;
}): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const { url, agent, headers } = options;
    const stream = get(url, { agent, headers }, (response) => {
      if (response.statusCode !== OK) {
        stream.destroy();
        reject(new Error(`Cannot listen to ${url}: status is ${response.statusCode}`));
        return;
      }
      let told = false;
      response.setEncoding("utf8").on("data", (text: string) => {
        if (text.includes("event: job.queued")) resolve(stream);
        if (!told && text.includes("event: job.canceled")) {
          told = true;
          options.onEnd();
        }
      });
      response.on("error", () => undefined); // Cut when this process closes its streams.
    });
    stream.on("error", reject);
  });
}
