import { type FrameResult, frameResultSchema } from "@latentfarm/contract";
import type { ObjectStore } from "@latentfarm/storage";

/** The labels that a stored picture carries. */
export const RESULT_LABELS = { attempt: "attempt", paramsHash: "params_hash", result: "result" } as const;

/**
 * The result of an earlier attempt, when its picture lies in the store and was drawn from the same parameters. What
 * lies there otherwise (other parameters, damaged, labels of another form) counts as nothing and is drawn over.
 * @throws {FarmError} store_unavailable
 */
export async function findStoredResult(
  store: ObjectStore,
  key: string,
  paramsHash: string,
): Promise<FrameResult | undefined> {
  const object = await store.head(key);
  if (object?.metadata[RESULT_LABELS.paramsHash] !== paramsHash) return undefined;
  const result = frameResultSchema.safeParse(parseJson(object.metadata[RESULT_LABELS.result] ?? ""));
  return result.success && result.data.sha256 === object.sha256 ? result.data : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
