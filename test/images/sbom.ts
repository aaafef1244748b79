/** A part in a list of parts, as far as it is judged. */
interface Component {
  /** `name@version`, with the scope. */
  readonly "bom-ref": string;
  readonly licenses?: readonly unknown[];
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}

/** A list of parts (CycloneDX), as far as it is judged. */
export interface Sbom {
  readonly components: readonly Component[];
}

/** The lock file of npm, as far as it is read. */
export interface LockFile {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly integrity?: string }>>;
}

/** The scope of the farm's own packages, which are in no registry. */
const OWN_SCOPE = "@latentfarm/";

/**
 * What a list of parts says that is untrue: each part must be in the lock file at that version with that checksum, have
 * a licence, and each installed module must be a part.
 * @param installed `name@version` of every module that lies in the image
 */
export function sbomProblems(sbom: Sbom, lock: LockFile, installed: readonly string[]): readonly string[] {
  const locked = lockedChecksums(lock);
  const others = sbom.components.filter((one) => !labelOf(one).startsWith(OWN_SCOPE));
  const parts = new Set(sbom.components.map(labelOf));
  return [
    ...sbom.components
      .filter(({ licenses = [] }) => licenses.length === 0)
      .map((one) => `${labelOf(one)} has no licence`),
    ...others.flatMap((one) => {
      const checksum = locked.get(labelOf(one));
      if (checksum === undefined) return [`${labelOf(one)} is not in the lock file`];
      const stated = one.hashes?.find(({ alg }) => alg === "SHA-512")?.content;
      return stated === checksum ? [] : [`${labelOf(one)} has another checksum than the lock file`];
    }),
    ...installed.filter((label) => !parts.has(label)).map((label) => `${label} is installed and is no part`),
  ];
}

const labelOf = (component: Component) => component["bom-ref"];

function lockedChecksums({ packages }: LockFile): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(packages).flatMap(([place, { version, integrity }]) => {
      const name = place.split("node_modules/").at(-1) ?? "";
      const base64 = integrity?.replace("sha512-", "");
      if (base64 === undefined) return [];
      return [[`${name}@${version}`, Buffer.from(base64, "base64").toString("hex")] as const];
    }),
  );
}
