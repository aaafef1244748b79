import { FarmError } from "@latentfarm/contract";

/** What AWS says of a spot machine that it takes back. */
export interface SpotNotice {
  /** `terminate`, `stop` or `hibernate`. */
  readonly action: string;
  /** About when, ISO 8601 in UTC. */
  readonly time: string;
}

/** Milliseconds of one call: the service is on the machine itself and answers in one. */
const CALL_MS_MAX = 1_000;

/** Seconds that a token is asked for: the longest there is, so that one call in six hours asks for it. */
const TOKEN_SECONDS = 21_600;

/** Characters of a token or of a notice; both are below 100, and a foreign service may send anything. */
const ANSWER_CHARS_MAX = 4_096;

const ACTIONS: readonly string[] = ["terminate", "stop", "hibernate"];
const UNAUTHORIZED = 401;
const NOT_FOUND = 404;

/** How the metadata service is reached. */
export interface MetadataOptions {
  readonly url: string;
  readonly fetch: typeof fetch;
  /** Ends calls under way. */
  readonly signal: AbortSignal;
}

/** The instance metadata service, as far as spot notices go. */
export interface AwsMetadata {
  /**
   * The notice, or nothing while there is none.
   * @throws {FarmError} internal the service does not answer, or not as it should
   */
  readNotice(): Promise<SpotNotice | undefined>;
}

/**
 * Speaks version 2 of the service: a token is fetched by PUT and sent with each call; one that has run out (401) is
 * replaced once.
 *
 * Source: AWS EC2 user guide, "Use the Instance Metadata Service" and "Spot Instance interruption notices"
 * (`spot/instance-action`).
 */
export function createAwsMetadata(options: MetadataOptions): AwsMetadata {
  let token: string | undefined;

  async function call(path: string, init: RequestInit): Promise<Response> {
    try {
      const signal = AbortSignal.any([options.signal, AbortSignal.timeout(CALL_MS_MAX)]);
      return await options.fetch(new URL(path, options.url), { ...init, redirect: "error", signal });
    } catch (cause) {
      throw new FarmError("internal", "Cannot read the spot notice as the metadata service does not answer", {
        cause,
      });
    }
  }

  async function fetchToken(): Promise<string> {
    const headers = { "x-aws-ec2-metadata-token-ttl-seconds": String(TOKEN_SECONDS) };
    const response = await call("/latest/api/token", { method: "PUT", headers });
    if (!response.ok) throw badAnswer(response.status);
    return readText(response);
  }

  async function getAction(): Promise<Response> {
    token ??= await fetchToken();
    return call("/latest/meta-data/spot/instance-action", { headers: { "x-aws-ec2-metadata-token": token } });
  }

  return {
    readNotice: async () => {
      let response = await getAction();
      if (response.status === UNAUTHORIZED) {
        token = undefined;
        response = await getAction();
      }
      if (response.status === NOT_FOUND) return undefined;
      if (!response.ok) throw badAnswer(response.status);
      return parseNotice(await readText(response));
    },
  };
}

async function readText(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  if (text === "" || text.length > ANSWER_CHARS_MAX) throw badAnswer(response.status);
  return text;
}

function parseNotice(text: string): SpotNotice {
  const value = parseJson(text);
  if (typeof value === "object" && value !== null && "action" in value && "time" in value) {
    const { action, time } = value;
    if (typeof action === "string" && ACTIONS.includes(action) && typeof time === "string") {
      return { action, time };
    }
  }
  throw new FarmError("internal", "Cannot read the spot notice as the metadata service sends no notice");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function badAnswer(status: number): FarmError {
  return new FarmError(
    "internal",
    `Cannot read the spot notice as the metadata service refuses: status is ${status}`,
  );
}
