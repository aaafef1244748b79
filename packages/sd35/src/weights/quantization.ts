import type { Dtype, SafetensorsFile, SafetensorsHeader, TensorInfo } from "@latentfarm/safetensors";
import { invalidModel } from "../model-error.js";

/** How a file says that its linear weights are scaled FP8. "plain" is FP8 without any scale; "none" is no FP8. */
export type QuantizationForm =
  | "none"
  | "plain"
  | "scaled_fp8"
  | "comfy_quant"
  | "_quantization_metadata"
  | "unmarked scales";

/** What a file's header, scales and markers say about its FP8 weights. */
export interface Quantization {
  readonly form: QuantizationForm;
  /** Scale by layer key (`a.b` of `a.b.weight`): weight = stored value * scale. */
  readonly scales: ReadonlyMap<string, number>;
  /** Key prefixes (ending in "." or empty) under which an FP8 linear weight must have a scale. */
  readonly scaledPrefixes: readonly string[];
}

const AS = "scaled FP8 weights";

/** Keys of the scale beside a layer's weight: the older and the newer form. Source: ComfyUI, facts section C3. */
const SCALE_SUFFIXES = [".scale_weight", ".weight_scale"] as const;
const MARKER = "scaled_fp8";
const LAYER_MARKER_SUFFIX = ".comfy_quant";
const METADATA_KEY = "_quantization_metadata";

/** A marker of one layer is a few dozen bytes of JSON; more is no marker. */
const LAYER_MARKER_BYTES_MAX = 4096;

/** The formats that the engine decodes, with the dtype that carries each. */
const FORMAT_DTYPES: ReadonlyMap<string, Dtype> = new Map([
  ["float8_e4m3fn", "F8_E4M3"],
  ["float8_e5m2", "F8_E5M2"],
]);

/** Component prefixes of an all-in-one checkpoint: a file may scale one component and not another. */
const COMPONENT_PREFIXES = [
  "model.diffusion_model.",
  "first_stage_model.",
  "text_encoders.clip_l.",
  "text_encoders.clip_g.",
  "text_encoders.t5xxl.",
] as const;

/** True for an FP8 tensor. */
export function isFloat8(dtype: Dtype): boolean {
  return dtype === "F8_E4M3" || dtype === "F8_E5M2";
}

/**
 * Reads how the file's weights are quantized: every scale (one number per layer) and every marker.
 * @throws {FarmError} model_invalid for a format that the engine does not decode (nvfp4), a layer whose scale is
 * missing, a scale that is no positive finite number, or a scale beside a weight that is not FP8
 */
export function readQuantization(file: SafetensorsFile, name: string): Quantization {
  const { header } = file;
  const scales = readScales(file, name);
  const declared = [...readLayerMarkers(file, name), ...readMetadata(header, name)];
  for (const layer of declared) checkDeclaredLayer(header, { layer, scales, name });
  const markers = [...header.tensors.keys()].filter((key) => key === MARKER || key.endsWith(`.${MARKER}`));
  const prefixes = [
    ...markers.map((key) => key.slice(0, -MARKER.length)),
    ...[...scales.keys()].map(componentPrefix),
  ];
  return {
    form: quantizationForm(header, { markers, scales }),
    scales,
    scaledPrefixes: [...new Set(prefixes)],
  };
}

/** The component that a key belongs to; the whole file when it holds a single one. */
function componentPrefix(key: string): string {
  return COMPONENT_PREFIXES.find((prefix) => key.startsWith(prefix)) ?? "";
}

function quantizationForm(
  header: SafetensorsHeader,
  found: { readonly markers: readonly string[]; readonly scales: ReadonlyMap<string, number> },
): QuantizationForm {
  if (METADATA_KEY in header.metadata) return METADATA_KEY;
  if ([...header.tensors.keys()].some((key) => key.endsWith(LAYER_MARKER_SUFFIX))) return "comfy_quant";
  if (found.markers.length > 0) return MARKER;
  if (found.scales.size > 0) return "unmarked scales";
  return [...header.tensors.values()].some((tensor) => isFloat8(tensor.dtype)) ? "plain" : "none";
}

function readScales(file: SafetensorsFile, name: string): Map<string, number> {
  const scales = new Map<string, number>();
  for (const tensor of file.header.tensors.values()) {
    const suffix = SCALE_SUFFIXES.find((end) => tensor.name.endsWith(end));
    if (suffix === undefined) continue;
    const layer = tensor.name.slice(0, -suffix.length);
    const weight = file.header.tensors.get(`${layer}.weight`);
    if (weight === undefined) continue; // Nothing to scale: it is reported as an unused tensor.
    scales.set(layer, readScale(file, { tensor, weight, name }));
  }
  return scales;
}

function readScale(
  file: SafetensorsFile,
  { tensor, weight, name }: { tensor: TensorInfo; weight: TensorInfo; name: string },
): number {
  const fault = (reason: string) =>
    invalidModel({ file: name, as: AS, reason, details: { tensor: tensor.name } });
  if (weight.dtype === "U8") {
    throw fault(`format of ${weight.name} is a packed one (nvfp4), expected float8_e4m3fn or float8_e5m2`);
  }
  if (!isFloat8(weight.dtype)) {
    throw fault(
      `dtype of ${weight.name} is ${weight.dtype}, expected F8_E4M3 or F8_E5M2 beside ${tensor.name}`,
    );
  }
  const count = tensor.shape.reduce((product, length) => product * length, 1);
  if (count !== 1) throw fault(`shape of ${tensor.name} is [${tensor.shape}], expected one number`);
  if (tensor.dtype !== "F32" && tensor.dtype !== "F16" && tensor.dtype !== "BF16") {
    throw fault(`dtype of ${tensor.name} is ${tensor.dtype}, expected F32, F16 or BF16`);
  }
  const [scale = Number.NaN] = file.readFloat32(tensor.name);
  if (!Number.isFinite(scale) || scale <= 0) {
    throw fault(`value of ${tensor.name} is ${scale}, expected a positive finite number`);
  }
  return scale;
}

interface DeclaredLayer {
  readonly key: string;
  readonly format: string;
}

/** The layers that carry a `comfy_quant` tensor: the bytes of a JSON object with the field "format". */
function readLayerMarkers(file: SafetensorsFile, name: string): DeclaredLayer[] {
  const layers: DeclaredLayer[] = [];
  for (const tensor of file.header.tensors.values()) {
    if (!tensor.name.endsWith(LAYER_MARKER_SUFFIX)) continue;
    if (tensor.byteLength > LAYER_MARKER_BYTES_MAX) {
      const reason = `size of ${tensor.name} is ${tensor.byteLength} bytes, expected at most ${LAYER_MARKER_BYTES_MAX}`;
      throw invalidModel({ file: name, as: AS, reason });
    }
    const value = parseJson(new TextDecoder().decode(file.readBytes(tensor.name)));
    layers.push({
      key: tensor.name.slice(0, -LAYER_MARKER_SUFFIX.length),
      format: readFormat(value, { name, where: tensor.name }),
    });
  }
  return layers;
}

/** The layers that the file's metadata lists: `{"format_version": "1.0", "layers": {KEY: {"format": …}}}`. */
function readMetadata(header: SafetensorsHeader, name: string): DeclaredLayer[] {
  if (!Object.hasOwn(header.metadata, METADATA_KEY)) return [];
  const value = parseJson(header.metadata[METADATA_KEY] ?? "");
  const layers = isRecord(value) ? value.layers : undefined;
  if (!isRecord(layers)) {
    const reason = `metadata ${METADATA_KEY} is not JSON with an object "layers"`;
    throw invalidModel({ file: name, as: AS, reason });
  }
  return Object.entries(layers).map(([key, layer]) => ({
    key,
    format: readFormat(layer, { name, where: `${METADATA_KEY} of ${key}` }),
  }));
}

function readFormat(value: unknown, { name, where }: { name: string; where: string }): string {
  if (isRecord(value) && typeof value.format === "string") return value.format;
  throw invalidModel({ file: name, as: AS, reason: `${where} is not JSON with a text "format"` });
}

function checkDeclaredLayer(
  header: SafetensorsHeader,
  found: { layer: DeclaredLayer; scales: ReadonlyMap<string, number>; name: string },
): void {
  const { layer, scales, name } = found;
  const weightKey = `${layer.key}.weight`;
  const fault = (reason: string) =>
    invalidModel({ file: name, as: AS, reason, details: { tensor: weightKey } });
  const dtype = FORMAT_DTYPES.get(layer.format);
  if (dtype === undefined) {
    throw fault(
      `format of ${weightKey} is ${JSON.stringify(layer.format)}, expected float8_e4m3fn or float8_e5m2`,
    );
  }
  const weight = header.tensors.get(weightKey);
  if (weight === undefined) throw fault(`${weightKey} is missing, expected ${dtype} with a scale`);
  if (weight.dtype !== dtype) throw fault(`dtype of ${weightKey} is ${weight.dtype}, expected ${dtype}`);
  if (!scales.has(layer.key)) {
    throw fault(`${layer.key}.weight_scale is missing, expected the scale of a ${layer.format} weight`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The caller names the place; the parser's words add nothing.
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
