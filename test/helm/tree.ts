/** An object as YAML or JSON give it. */
export type Tree = Readonly<Record<string, unknown>>;

/** An object's fields; none for what is no object. */
export function asRecord(value: unknown): Tree {
  return isTree(value) ? value : {};
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A list's items; none for what is no list. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A string, or undefined for anything else. */
export function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A number, or undefined for anything else. */
export function asNumber(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** What lies at a path of field names with dots between; undefined where the path ends early. */
export function dig(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((at, name) => asRecord(at)[name], value);
}

/** The items of the list at a path. */
export function digList(value: unknown, path: string): readonly unknown[] {
  return asList(dig(value, path));
}

/** The string at a path; empty where there is none. */
export function digText(value: unknown, path: string): string {
  return asText(dig(value, path)) ?? "";
}

/** The strings of the object at a path, such as labels. */
export function digStrings(value: unknown, path: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(asRecord(dig(value, path))).flatMap(([key, text]) =>
      typeof text === "string" ? [[key, text]] : [],
    ),
  );
}

/** Every string below a value, with the path that leads to it. */
export function stringsBelow(value: unknown, path = ""): readonly (readonly [path: string, text: string])[] {
  if (typeof value === "string") return [[path, value]];
  if (Array.isArray(value)) return value.flatMap((item, index) => stringsBelow(item, `${path}[${index}]`));
  return Object.entries(asRecord(value)).flatMap(([key, item]) =>
    stringsBelow(item, path === "" ? key : `${path}.${key}`),
  );
}
