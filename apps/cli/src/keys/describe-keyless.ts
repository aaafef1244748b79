import { connectAccess } from "./open-access.js";

/** What a farm without keys must tell whoever started it; undefined when it has keys, or cannot say. */
export async function describeKeyless(farm: {
  readonly url: string;
  readonly redisUrl: string;
}): Promise<string | undefined> {
  try {
    await using opened = await connectAccess(farm.redisUrl);
    if (await opened.access.hasKeys()) return undefined;
  } catch {
    // A Redis that is away just now is the gateway's to tell; a farm that runs is not stopped for a remark.
    return undefined;
  }
  const loopback = /^(127\.|localhost$|\[::1\]$)/.test(new URL(farm.url).hostname);
  return loopback
    ? "no API keys yet: every program of this machine may call; ./farm keys create makes the first, then all need one"
    : "no API keys yet: calls are refused, as not only this machine can make them; ./farm keys create makes one";
}
