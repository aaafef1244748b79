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

/**
 * Packs token groups into CLIP chunks `[bos, ..., eos, pad...]` of equal length; no group at all gives one empty
 * chunk. A group is a run of tokens of one weight: a prompt without weights is one group.
 *
 * Source: ComfyUI, `comfy/sd1_clip.py`, `SDTokenizer.tokenize_with_weights`.
 */
export function chunkTokens(groups: readonly (readonly number[])[], frame: ChunkFrame): number[][] {
  invariant(frame.length >= CLIP_LENGTH_MIN, `chunk length ${frame.length} is at least ${CLIP_LENGTH_MIN}`);
  const room = frame.length - 2;
  const bodies: number[][] = [[]];
  let body: number[] = [];
  bodies[0] = body;
  for (const group of groups) {
    const splits = group.length >= GROUP_SPLIT_TOKENS_MIN;
    let rest = group;
    while (body.length + rest.length > room) {
      if (splits) {
        const taken = room - body.length;
        body.push(...rest.slice(0, taken));
        rest = rest.slice(taken);
      }
      body = [];
      bodies.push(body);
    }
    body.push(...rest);
  }
  return bodies.map((tokens) => frameChunk(tokens, frame));
}

function frameChunk(tokens: readonly number[], { length, bos, eos, pad }: ChunkFrame): number[] {
  const chunk = [bos, ...tokens, eos];
  while (chunk.length < length) chunk.push(pad);
  return chunk;
}
