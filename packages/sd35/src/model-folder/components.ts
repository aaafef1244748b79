import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import { detectMmdit, type MmditConfig } from "../mmdit/config.js";
import { type ClipConfig, detectClip } from "../text/clip-config.js";
import { detectT5, type T5Config } from "../text/t5-config.js";
import { CLIP_LENGTH_MIN } from "../tokenizers/chunk-tokens.js";
import { openClipTokenizer } from "../tokenizers/clip-tokenizer.js";
import { openT5Tokenizer } from "../tokenizers/t5-tokenizer.js";
import type { TextTokenizer } from "../tokenizers/text-tokenizer.js";
import {
  CLIP_LENGTH_DEFAULT,
  PROMPT_TOKENS_MAX,
  type PromptTokenizers,
  T5_LENGTH_MIN_DEFAULT,
} from "../tokenizers/tokenize-prompt.js";
import { findVaePrefix } from "../vae/config.js";
import type { WeightSource } from "../weights/weight-source.js";
import type { ChosenFile, FileChoice } from "./choose-files.js";
import { invalidManifest, type Manifest } from "./manifest.js";
import type { LoadedComponent } from "./model-folder.js";

/** The parts of a model as derived from their files; a part whose file is missing or wrong is left out. */
export interface Components {
  readonly mmdit?: LoadedComponent<MmditConfig>;
  readonly vae?: WeightSource;
  readonly vaeEncodes: boolean;
  readonly clipL?: LoadedComponent<ClipConfig>;
  readonly clipG?: LoadedComponent<ClipConfig>;
  readonly t5?: LoadedComponent<T5Config>;
  readonly tokenizers: PromptTokenizers;
}

/** Runs `work`; a FarmError becomes a problem in words and the result is left out. */
export type Attempt = <T>(work: () => T) => T | undefined;

/** An {@link Attempt} that collects its problems in `problems`. */
export function collectProblems(problems: string[]): Attempt {
  return (work) => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof FarmError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
}

/** Derives each part from its file and opens the tokenizers of the text encoders. */
export function loadComponents(
  dir: string,
  { chosen, manifest, attempt }: { chosen: FileChoice["chosen"]; manifest: Manifest; attempt: Attempt },
): Components {
  const load = <Config>(file: ChosenFile | undefined, detect: (file: ChosenFile) => Config) => {
    const config = file && attempt(() => detect(file));
    return file && config !== undefined ? { source: file.source, config } : undefined;
  };
  const mmdit = load(chosen.diffusion_model, ({ source }) => detectMmdit(source));
  const clipL = load(chosen.clip_l, ({ source, prefix }) => detectClip(source, "clip_l", prefix));
  const clipG = load(chosen.clip_g, ({ source, prefix }) => detectClip(source, "clip_g", prefix));
  const t5 = load(chosen.t5xxl, ({ source, prefix }) => detectT5(source, prefix));
  const vae = chosen.vae?.source;
  const tokenizerL = clipL && openTokenizer("tokenizer", clipL);
  const tokenizerG = clipG && openTokenizer("tokenizer_2", clipG);
  const tokenizerT5 = t5 && openTokenizer("tokenizer_3", t5);
  const tokenizers = {
    ...textLengths(manifest, { clipL, clipG, attempt }),
    ...(tokenizerL && { clipL: tokenizerL }),
    ...(tokenizerG && { clipG: tokenizerG }),
    ...(tokenizerT5 && { t5: tokenizerT5 }),
  };
  return {
    ...(mmdit && { mmdit }),
    ...(vae && { vae }),
    vaeEncodes: vae !== undefined && findVaePrefix(vae.header, "encoder") !== undefined,
    ...(clipL && { clipL }),
    ...(clipG && { clipG }),
    ...(t5 && { t5 }),
    tokenizers,
  };

  function openTokenizer(
    folder: string,
    { config }: LoadedComponent<ClipConfig | T5Config>,
  ): TextTokenizer | undefined {
    return attempt(() => {
      const path = join(dir, folder);
      const tokenizer = "kind" in config ? openClipTokenizer(path, config.kind) : openT5Tokenizer(path);
      checkVocabulary(tokenizer, { folder, rows: config.vocabulary });
      return tokenizer;
    });
  }
}

function checkVocabulary({ idMax }: TextTokenizer, { folder, rows }: { folder: string; rows: number }): void {
  if (idMax < rows) return;
  throw new FarmError(
    "model_invalid",
    `Cannot use ${folder}/ as the tokenizer of its text encoder: largest token id is ${idMax}, expected below ${rows}, the rows of the encoder's token table`,
  );
}

function textLengths(
  manifest: Manifest,
  {
    clipL,
    clipG,
    attempt,
  }: {
    clipL: LoadedComponent<ClipConfig> | undefined;
    clipG: LoadedComponent<ClipConfig> | undefined;
    attempt: Attempt;
  },
): { clipLength: number; t5LengthMin: number } {
  const encoders = [clipL, clipG].filter((part) => part !== undefined);
  const positions = Math.min(...encoders.map(({ config }) => config.positions));
  const standard = Math.min(CLIP_LENGTH_DEFAULT, positions);
  const clipLength = manifest.clipLength ?? standard;
  const t5LengthMin = manifest.t5LengthMin ?? T5_LENGTH_MIN_DEFAULT;
  attempt(() => {
    if (clipLength < CLIP_LENGTH_MIN || clipLength > positions) {
      throw invalidManifest(
        `clip_length is ${clipLength}, expected ${CLIP_LENGTH_MIN} to ${positions}, the positions of the CLIP encoders`,
      );
    }
  });
  attempt(() => {
    if (t5LengthMin > PROMPT_TOKENS_MAX) {
      throw invalidManifest(`t5_length_min is ${t5LengthMin}, at most ${PROMPT_TOKENS_MAX}`);
    }
  });
  return { clipLength, t5LengthMin };
}
