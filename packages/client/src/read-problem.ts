import type { Problem } from "@latentfarm/contract";
import { LatentfarmError } from "./latentfarm-error.js";

/** The media type of an error body. Source: RFC 9457. */
const PROBLEM_TYPE = "application/problem+json";

/** The error that an answer carries; one that is no problem of the farm comes from something before it. */
export async function readProblem(response: Response): Promise<LatentfarmError> {
  const { status } = response;
  const retryAfterSeconds = readRetryAfter(response.headers.get("retry-after"));
  const problem = await readBody(response);
  if (problem === undefined) {
    const message = `Cannot read the answer as a farm's: status is ${status}`;
    return new LatentfarmError("unexpected_answer", message, { status, retryAfterSeconds });
  }
  const { code, title, detail, errors, request_id: requestId } = problem;
  const fields = errors?.map(({ path, message }) => `${path} ${message}`).join("; ");
  const message = [detail ?? title, fields].filter((part) => part !== undefined && part !== "").join(": ");
  return new LatentfarmError(code, message, { status, errors, retryAfterSeconds, requestId });
}

/** Seconds of a `Retry-After` header; the farm sends no dates. */
function readRetryAfter(header: string | null): number | undefined {
  return header !== null && /^\d{1,9}$/.test(header) ? Number(header) : undefined;
}

async function readBody(response: Response): Promise<Problem | undefined> {
  const isProblem = response.headers.get("content-type")?.startsWith(PROBLEM_TYPE) ?? false;
  try {
    if (!isProblem) {
      await response.body?.cancel();
      return undefined;
    }
    const body: unknown = await response.json();
    const isWhole = typeof body === "object" && body !== null && "code" in body && "title" in body;
    // The media type promises the form; what matters of it was just looked at.
    return isWhole ? (body as Problem) : undefined;
  } catch {
    return undefined;
  }
}
