import { FarmError, fieldsError, LIMITS } from "@latentfarm/contract";

/** The FarmError of whatever a handler, Express or its body reader threw. */
export function toFarmError(error: unknown): FarmError {
  if (error instanceof FarmError) return error;
  if (error instanceof URIError) return malformedPath(error);
  return fromBodyReader(error) ?? new FarmError("internal", "Unexpected failure", { cause: error });
}

/** Errors of raw-body and Express by their `type`. Source: github.com/stream-utils/raw-body, README "Errors". */
function fromBodyReader(error: unknown): FarmError | undefined {
  if (!(error instanceof Error) || !("type" in error)) return undefined;
  switch (error.type) {
    case "entity.too.large": {
      const large = "limit" in error && error.limit === LIMITS.image_body_bytes_max;
      const limit = large ? "image_body_bytes_max" : "body_bytes_max";
      const message = `must be at most ${LIMITS[limit]} bytes (limit ${limit})`;
      return refusal("payload_too_large", { path: "body", message }, error);
    }
    case "encoding.unsupported":
      return refusal(
        "unsupported_media_type",
        { path: "headers.content-encoding", message: "must be absent" },
        error,
      );
    case "request.aborted":
    case "request.size.invalid":
      return refusal("invalid_json", { path: "body", message: "ended before its announced length" }, error);
    default:
      return undefined;
  }
}

function malformedPath(cause: URIError): FarmError {
  const known = fieldsError("the request", [{ path: "path", message: "is not percent-encoded UTF-8" }]);
  return new FarmError("invalid_request", known.message, { cause, details: known.details });
}

function refusal(
  code: "payload_too_large" | "unsupported_media_type" | "invalid_json",
  field: { path: string; message: string },
  cause: Error,
): FarmError {
  return new FarmError(code, `Cannot read the request as ${field.path} ${field.message}`, {
    cause,
    details: { errors: [field] },
  });
}
