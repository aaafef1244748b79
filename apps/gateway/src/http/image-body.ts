import { FarmError, LIMITS } from "@latentfarm/contract";
import express, { type Request, type RequestHandler } from "express";
import { IMAGE_BODIES_MAX } from "../limits.js";
import { readBody } from "./json-body.js";

/** Reads bodies that may hold an image. */
export interface ImageBodies {
  /** Middleware that reads a body as bytes, up to `image_body_bytes_max` when its length is announced. */
  readonly read: RequestHandler;
  /** Lets go of a body that was read, so that another may be. */
  release(request: Request): void;
}

/**
 * Makes a reader that takes at most `IMAGE_BODIES_MAX` bodies past `body_bytes_max` at once. Who sends one says so by
 * its Content-Length: a body without is held to `body_bytes_max`.
 */
export function createImageBodies(): ImageBodies {
  const held = new Set<Request>();
  const readSmall = readBody();
  const readLarge = express.raw({
    type: () => true,
    inflate: false,
    limit: LIMITS.image_body_bytes_max,
  });
  return {
    read: (request, response, next) => {
      const announced = Number(request.headers["content-length"] ?? 0);
      if (!(announced > LIMITS.body_bytes_max)) return readSmall(request, response, next);
      if (held.size >= IMAGE_BODIES_MAX) throw tooMany();
      held.add(request);
      response.once("close", () => held.delete(request));
      return readLarge(request, response, next);
    },
    release: (request) => {
      request.body = undefined;
      held.delete(request);
    },
  };
}

function tooMany(): FarmError {
  return new FarmError(
    "overloaded",
    `Cannot read the image now as others are being read: images is ${IMAGE_BODIES_MAX}`,
  );
}
