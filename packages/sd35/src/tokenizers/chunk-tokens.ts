import { invariant } from "@latentfarm/contract";

/**
 * Tokens from which a group may be split across chunks; a shorter one moves whole to the next chunk.
 * Source: ComfyUI, `comfy/sd1_clip.py`, `max_word_length`.
 */
export const GROUP_SPLIT_TOKENS_MIN = 8;

/**
 * Smallest CLIP chunk, in positions: start, end and the longest group that is never split, which must fit whole.
 */
export const CLIP_LENGTH_MIN = GROUP_SPLIT_TOKENS_MIN + 1;

/** How chunks are framed and filled. */
export interface ChunkFrame {
  /** Positions of one chunk, start and end included. */
  readonly length: number;
  readonly bos: number;
  readonly eos: number;
  readonly pad: number;
}

/** A run of tokens of one weight. */
export interface TokenGroup {
  readonly ids: readonly number[];
  readonly weight: number;
}

/** Token ids with the weight of each. */
export interface WeightedTokens {
  readonly ids: number[];
  readonly weights: number[];
}

/**
 * Packs token groups into CLIP chunks `[bos, ..., eos, pad...]` of equal length; no group at all gives one empty
 * chunk. A prompt without weights is one group; start, end and padding weigh 1.
 *
 * Source: ComfyUI, `comfy/sd1_clip.py`, `SDTokenizer.tokenize_with_weights`, for behaviour.
 */
export function chunkTokens(groups: readonly TokenGroup[], frame: ChunkFrame): WeightedTokens[] {
  invariant(frame.length >= CLIP_LENGTH_MIN, `chunk length ${frame.length} is at least ${CLIP_LENGTH_MIN}`);
  const room = frame.length - 2;
  let body: WeightedTokens = { ids: [], weights: [] };
  const bodies = [body];
  for (const { ids, weight } of groups) {
    const splits = ids.length >= GROUP_SPLIT_TOKENS_MIN;
    let rest = ids;
    while (body.ids.length + rest.length > room) {
      if (splits) {
        const taken = room - body.ids.length;
        append(body, rest.slice(0, taken), weight);
        rest = rest.slice(taken);
      }
      body = { ids: [], weights: [] };
      bodies.push(body);
    }
    append(body, rest, weight);
  }
  return bodies.map((tokens) => frameChunk(tokens, frame));
}

function append(tokens: WeightedTokens, ids: readonly number[], weight: number): void {
  tokens.ids.push(...ids);
  tokens.weights.push(...ids.map(() => weight));
}

function frameChunk({ ids, weights }: WeightedTokens, { length, bos, eos, pad }: ChunkFrame): WeightedTokens {
  const padding = length - ids.length - 2;
  return {
    ids: [bos, ...ids, eos, ...Array<number>(padding).fill(pad)],
    weights: [1, ...weights, 1, ...Array<number>(padding).fill(1)],
  };
}
