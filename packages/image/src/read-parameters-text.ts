import { samplerName, schedulerLabel, schedulerName } from "./a1111-names.js";
import { createFieldReader, type ReadFields } from "./read-fields.js";

const NEGATIVE = "Negative prompt:";
/** Pairs that make a line the line of settings. Source: AUTOMATIC1111, modules/infotext_utils.py. */
const PAIRS_MIN = 3;
const QUOTED = /"(?:\\.|[^\\"])*"/y;
const SIZE = /^(\d{1,5})x(\d{1,5})$/;

/** What is told beside the parameters and changes no picture. */
const OTHER_FACTS: ReadonlySet<string> = new Set([
  "Model hash",
  "Weights hash",
  "Precision plan",
  "Version",
  "VAE",
  "VAE hash",
]);

/**
 * Reads parameters as AUTOMATIC1111 writes them. The form is loose by nature: a prompt that holds a line of the form's
 * own is read wrongly. Source: AUTOMATIC1111/stable-diffusion-webui, modules/infotext_utils.py.
 */
export function readParametersText(text: string): ReadFields {
  const lines = text.split("\n");
  const pairs = splitPairs(lines.at(-1) ?? "");
  const hasSettings = pairs.length >= PAIRS_MIN;
  const words = hasSettings ? lines.slice(0, -1) : lines;
  const negativeAt = words.findIndex((line) => line.startsWith(NEGATIVE));
  const prompt = words.slice(0, negativeAt < 0 ? words.length : negativeAt).join("\n");
  const negative = negativeAt < 0 ? "" : words.slice(negativeAt).join("\n").slice(NEGATIVE.length);
  const settings = new Map(hasSettings ? pairs : []);
  const reader = createFieldReader();
  reader.set("prompt", prompt);
  reader.set("negative_prompt", negative.startsWith(" ") ? negative.slice(1) : negative);
  readSettings(settings, reader);
  return reader.finish();
}

function readSettings(
  settings: Map<string, string>,
  { set, miss }: ReturnType<typeof createFieldReader>,
): void {
  const take = (name: string) => {
    const value = settings.get(name);
    settings.delete(name);
    return value;
  };
  const number = (text: string | undefined) => (text === undefined || text === "" ? text : Number(text));
  set("steps", number(take("Steps")));
  set("guidance_scale", number(take("CFG scale")));
  set("seed", take("Seed"));
  set("shift", number(take("Shift")));
  set("strength", number(take("Denoising strength")));
  set("model", take("Model"));
  const { sampler, scheduler } = readSampler(take("Sampler"), take("Schedule type"));
  set("sampler", sampler);
  set("scheduler", scheduler);
  const size = take("Size");
  const [, width, height] = SIZE.exec(size ?? "") ?? [];
  if (size !== undefined && width === undefined) miss(`Size: ${size}`);
  set("width", number(width));
  set("height", number(height));
  const layers = take("Skip layers");
  set(
    "skip_layer_guidance",
    layers === undefined
      ? undefined
      : {
          layers: layers.split(",").map(Number),
          scale: number(take("Skip layer scale")),
          start: number(take("Skip layer start")),
          end: number(take("Skip layer end")),
        },
  );
  for (const [name, value] of settings) if (!OTHER_FACTS.has(name)) miss(`${name}: ${value}`);
}

/** Before there was a "Schedule type", a schedule stood behind the sampler's name, as in "DPM++ 2M Karras". */
function readSampler(
  sampler: string | undefined,
  schedule: string | undefined,
): { readonly sampler: string | undefined; readonly scheduler: string | undefined } {
  const named = schedule === undefined || schedule === "Automatic" ? undefined : schedulerName(schedule);
  const space = sampler?.lastIndexOf(" ") ?? -1;
  const last = schedulerName(sampler?.slice(space + 1) ?? "");
  if (sampler === undefined || schedule !== undefined || schedulerLabel(last) === last || space < 0) {
    return { sampler: sampler === undefined ? undefined : samplerName(sampler), scheduler: named };
  }
  return { sampler: samplerName(sampler.slice(0, space)), scheduler: last };
}

/** `Name: value, Name: "va, lue"`, each place of the line looked at once. */
function splitPairs(line: string): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  let at = 0;
  for (let colon = line.indexOf(":"); colon >= 0; colon = line.indexOf(":", at)) {
    const before = line.slice(at, colon);
    const name = before.slice(before.lastIndexOf(",") + 1).trim();
    let begin = colon + 1;
    while (line[begin] === " ") begin++;
    QUOTED.lastIndex = begin;
    const quoted = QUOTED.exec(line)?.[0];
    const comma = line.indexOf(",", begin + (quoted?.length ?? 0));
    at = comma < 0 ? line.length : comma + 1;
    const plain = line.slice(begin, comma < 0 ? line.length : comma).trim();
    if (name !== "") pairs.push([name, quoted === undefined ? plain : unquote(quoted)]);
  }
  return pairs;
}

function unquote(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}
