// Asks this container's own process for /healthz; the base has no curl. Usage: healthcheck.mjs PORT_VARIABLE
// Exit status 0: it answers; 1: it does not.

/** Milliseconds for an answer, below the five seconds that the image gives the check. */
const ANSWER_MS_MAX = 4_000;

const port = process.env[process.argv[2] ?? ""];
try {
  const response = await fetch(`http://127.0.0.1:${port}/healthz`, {
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
  process.exitCode = response.ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
