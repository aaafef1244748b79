import { createPipeline } from "../pipeline/create-pipeline.js";
import { serveEngine } from "./serve.js";

// The terminal sends Ctrl-C to the whole process group. When this process ends is the host's decision: it drains first.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);

// The host is gone: nobody is left to draw for.
process.on("disconnect", () => process.exit(0));

serveEngine(
  {
    // A message that cannot be sent means that the host is gone, which "disconnect" tells as well.
    send: (message) => new Promise((resolve) => process.send?.(message, () => resolve())),
    onMessage: (receive) => void process.on("message", receive),
    warn: (text) => void process.stderr.write(`${text}\n`),
    exit: () => process.exit(0),
  },
  createPipeline,
);
