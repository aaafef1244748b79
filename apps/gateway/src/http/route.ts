import { FarmError, fieldsError, type Scope } from "@latentfarm/contract";
import type { Express, Request, RequestHandler, Response } from "express";
import type { Caller } from "../access/caller.js";
import { readParameters } from "./query.js";

/** An answer that anyone may have. */
export interface OpenRoute {
  readonly method: "get";
  /** In Express's form, such as `/healthz`. */
  readonly path: string;
  readonly scope: "open";
  handle(call: Pick<Call<undefined>, "request" | "response">): Promise<void> | void;
}

/** A call by someone who may make it, with what its query says. */
export interface Call<Query = undefined> {
  readonly request: Request;
  readonly response: Response;
  readonly caller: Caller;
  readonly query: Query;
}

/** One call of the public contract. */
export interface Route<Query = undefined> {
  readonly method: "get" | "post" | "put" | "delete";
  /** In Express's form, such as `/v1/jobs/:id`. */
  readonly path: string;
  /** What the caller's key must allow. */
  readonly scope: Scope;
  /** Reads the query; without it the path takes none. */
  readonly query?: (parameters: ReadonlyMap<string, string>) => Query;
  /** Middleware before the handler, such as the body reader; for callers who may make the call only. */
  readonly before?: readonly RequestHandler[];
  handle(call: Call<Query>): Promise<void> | void;
}

/** Says who calls, or throws. */
export type Authenticate = (request: Request, scope: Scope) => Promise<Caller>;

/**
 * Registers routes. An unknown parameter is refused, as an ignored `dry_run` would be a job; a known path with another
 * method is 405 with `Allow`, an unknown path 404.
 */
export function registerRoutes(
  app: Express,
  routes: readonly (Route<unknown> | OpenRoute)[],
  authenticate: Authenticate,
): void {
  for (const route of routes) app[route.method](route.path, handlerOf(route, authenticate));
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

function handlerOf(route: Route<unknown> | OpenRoute, authenticate: Authenticate): RequestHandler {
  if (route.scope === "open") {
    return async (request, response) => {
      refuseParameters(readParameters(request));
      await route.handle({ request, response });
    };
  }
  const { scope, query: readQuery = refuseParameters, before = [] } = route;
  return async (request, response) => {
    const caller = await authenticate(request, scope);
    const query = readQuery(readParameters(request));
    for (const middleware of before) await run(middleware, request, response);
    await route.handle({ request, response, caller, query });
  };
}

async function run(middleware: RequestHandler, request: Request, response: Response): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const next = (error?: unknown): void => (error === undefined ? resolve() : reject(error));
    void middleware(request, response, next);
  });
}

function refuseParameters(parameters: ReadonlyMap<string, string>): undefined {
  if (parameters.size === 0) return;
  const message = "is not a known parameter";
  throw fieldsError(
    "the request",
    [...parameters.keys()].map((name) => ({ path: `query.${name}`, message })),
  );
}

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
