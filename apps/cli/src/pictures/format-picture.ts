import type { CredentialState, PictureFacts } from "@latentfarm/image";
import pc from "picocolors";
import { formatBytes } from "../models/format-bytes.js";
import { plainText } from "./plain-text.js";

const SOURCES = {
  latentfarm: "drawn by Latentfarm",
  comfyui: "drawn by ComfyUI",
  automatic1111: "carries AUTOMATIC1111's text",
  none: "says nothing of how it was drawn",
} as const satisfies Record<PictureFacts["source"], string>;

/** Characters of the widest name, and room behind it. */
const NAME_WIDTH = 11;
const HASH_DIGITS = 16;

type Line = readonly [name: string, value: string | number | undefined];

/** What a picture tells, for people: where from first, then how it was drawn, then what is not understood. */
export function formatPicture(file: string, facts: PictureFacts): string {
  const { format, width, height, bytes, source, missed } = facts;
  const head = `${pc.bold(plainText(file))}  ${format} ${width}x${height}  ${formatBytes(bytes)}  ${SOURCES[source]}`;
  const lines = [...recordLines(facts), ...fieldLines(facts), ...credentialLines(facts)].flatMap(
    ([name, value]) => (value === undefined || value === "" ? [] : [formatLine(name, String(value))]),
  );
  const unknown = missed.map((what) => `${pc.yellow("not understood:")} ${plainText(what)}`);
  return [head, ...lines, ...unknown].join("\n");
}

function formatLine(name: string, value: string): string {
  const [first = "", ...rest] = plainText(value).split("\n");
  const indent = " ".repeat(NAME_WIDTH + 2);
  return [`  ${name.padEnd(NAME_WIDTH)}${first}`, ...rest.map((line) => `${indent}${line}`)].join("\n");
}

function recordLines({ record }: PictureFacts): Line[] {
  if (record === undefined) return [];
  const { model, plan, software } = record;
  const hash = model.hash === undefined ? "" : `, weights ${model.hash.slice(0, HASH_DIGITS)}`;
  return [
    ["by", `Latentfarm ${software.latentfarm}, onnxruntime ${software.onnxruntime}, plan ${plan}`],
    ["model", `${model.name} (${model.architecture}${hash})`],
  ];
}

const CREDENTIAL_STATES = {
  trusted: "as it was signed, by a signer whom the authorities vouch for",
  valid: "as it was signed, by whoever has this certificate (--trust names authorities)",
  invalid: "CHANGED since it was signed, or signed wrongly",
  unreadable: "BROKEN, nothing of them can be believed",
} as const satisfies Record<CredentialState, string>;

/** Content Credentials: who has signed, then whether it still holds. */
function credentialLines({ credentials }: PictureFacts): Line[] {
  if (credentials === undefined) return [];
  const { state, signer, issuer, generator, problems } = credentials;
  const by = [signer, issuer && `(${issuer})`, generator && `with ${generator}`].filter(Boolean).join(" ");
  const why = problems.length === 0 ? "" : `: ${problems.join(", ")}`;
  return [
    ["signed by", by],
    ["signature", `${CREDENTIAL_STATES[state]}${why}`],
  ];
}

function fieldLines({ record, fields }: PictureFacts): Line[] {
  const { width, height, skip_layer_guidance: skip, strength } = fields;
  const image = record?.params.init_image;
  const from = image === undefined ? "" : ` from the image ${image.sha256}`;
  return [
    ["model", record === undefined ? fields.model : undefined],
    ["prompt", fields.prompt],
    ["negative", fields.negative_prompt],
    ["seed", fields.seed],
    ["size", width === undefined || height === undefined ? undefined : `${width}x${height}`],
    ["steps", fields.steps],
    ["sampler", fields.sampler],
    ["scheduler", fields.scheduler],
    ["guidance", fields.guidance_scale],
    ["shift", fields.shift],
    ["strength", strength === undefined ? undefined : `${strength}${from}`],
    [
      "skips",
      skip && `layers ${skip.layers?.join(", ")}, scale ${skip.scale}, from ${skip.start} to ${skip.end}`,
    ],
  ];
}
