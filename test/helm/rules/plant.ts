import { type Manifest, nameOf, toManifest } from "../manifest.js";
import { asRecord, type Tree } from "../tree.js";

/** A fault put into a farm that is as it should be. */
export interface Plant {
  /** The rule that must find it, by its name. */
  readonly rule: string;
  /** The object, "Deployment/farm-gateway". */
  readonly at: string;
  /** The field: names and indices with bars between, since the names of labels have dots and slashes. */
  readonly field: string;
  /** What stands there; undefined takes it away. */
  readonly value: unknown;
}

/** The farm with the fault. */
export function plant(manifests: readonly Manifest[], { at, field, value }: Plant): readonly Manifest[] {
  const target = manifests.find((one) => nameOf(one) === at);
  if (target === undefined) throw new Error(`Cannot plant a fault in ${at}: there is no such object`);
  const body = withField(target.body, field.split("|"), value);
  return manifests.map((one) => (one === target ? toManifest(asRecord(body), one.template) : one));
}

/** A copy of a value with one field of it changed. */
function withField(at: unknown, path: readonly string[], value: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  if (Array.isArray(at)) {
    const index = Number(name);
    return [...at.slice(0, index), withField(at[index], rest, value), ...at.slice(index + 1)];
  }
  const { [name]: old, ...others }: Tree = asRecord(at);
  const changed = withField(old, rest, value);
  return changed === undefined ? others : { ...others, [name]: changed };
}
