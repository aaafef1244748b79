import { Resolver } from "node:dns/promises";

/**
 * Looks a host name up: all its IPv4 and IPv6 addresses, in the order of preference; empty when it has none.
 * It rejects when the answer cannot be had, and gives up when the signal aborts.
 */
export type WebhookResolver = (host: string, signal: AbortSignal) => Promise<readonly string[]>;

/** Milliseconds for one question to one server, and how often it is asked: within the 5 s that a lookup has. */
const QUERY_TIMEOUT_MS = 1_500;
const QUERY_TRIES = 2;

/** Answers that say that there is no such address, and not that the question could not be answered. */
const EMPTY_ANSWERS: ReadonlySet<unknown> = new Set(["ENODATA", "ENOTFOUND"]);

/**
 * A resolver that asks the name servers itself (c-ares) instead of `getaddrinfo`: it can be stopped, it applies no
 * search list to a client's name, and names that hang do not use up libuv's 4 threads, which all file access shares.
 * It does not read the hosts file. `servers` default to those of the system.
 */
export function createDnsResolver(servers?: readonly string[]): WebhookResolver {
  return async (host, signal) => {
    const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
    if (servers !== undefined) resolver.setServers(servers);
    const stop = (): void => resolver.cancel();
    signal.addEventListener("abort", stop, { once: true });
    try {
      const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
      return mergeAnswers(answers);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  };
}

/** One family's failure is nothing while the other has an address: only addresses that came back are called. */
function mergeAnswers(answers: readonly PromiseSettledResult<string[]>[]): string[] {
  const addresses = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
  if (addresses.length > 0) return addresses;
  const failure = answers.find(
    (answer) => answer.status === "rejected" && !EMPTY_ANSWERS.has(answer.reason?.code),
  );
  if (failure?.status === "rejected") throw failure.reason;
  return [];
}
