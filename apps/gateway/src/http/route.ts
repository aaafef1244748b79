import { FarmError, fieldsError } from "@latentfarm/contract";
import type { Express, Request, RequestHandler, Response } from "express";

/** One call of the public contract. */
export interface Route {
  readonly method: "get" | "post";
  /** In Express's form, such as `/v1/jobs/:id`. */
  readonly path: string;
  /** Middleware before the handler, such as the body reader. */
  readonly before?: readonly RequestHandler[];
  readonly handle: (request: Request, response: Response) => Promise<void> | void;
}

/**
 * Registers routes. A query is refused on all of them, as none takes one and an ignored `dry_run` would be a job; a
 * known path with another method is 405 with `Allow`, an unknown path 404.
 */
export function registerRoutes(app: Express, routes: readonly Route[]): void {
  for (const route of routes) {
    app[route.method](route.path, refuseQuery, ...(route.before ?? []), (request, response) =>
      route.handle(request, response),
    );
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.filter((route) => route.path === path).map((route) => route.method.toUpperCase());
    app.all(path, refuseMethod(methods.includes("GET") ? [...methods, "HEAD"] : methods));
  }
  app.use((request) => {
    throw new FarmError("not_found", "Cannot find the resource as no such path exists", {
      details: {
        errors: [{ path: "path", message: `${request.path.slice(0, PATH_CHARS_SHOWN)} is not served` }],
      },
    });
  });
}

/** Characters of an unknown path that the answer repeats. */
const PATH_CHARS_SHOWN = 128;

function refuseMethod(allowed: readonly string[]): RequestHandler {
  const allow = allowed.join(", ");
  return (request, response) => {
    response.set("Allow", allow);
    throw new FarmError(
      "method_not_allowed",
      `Cannot serve the method as the path takes others: method is ${request.method}`,
      {
        details: { errors: [{ path: "method", message: `must be one of ${allow}` }] },
      },
    );
  };
}

const refuseQuery: RequestHandler = (request, _response, next): void => {
  const names = [...new URL(request.originalUrl, "http://gateway").searchParams.keys()];
  if (names.length > 0) {
    throw fieldsError(
      "the request",
      names.map((name) => ({
        path: `query.${name.slice(0, PATH_CHARS_SHOWN)}`,
        message: "is not a known parameter",
      })),
    );
  }
  next();
};
