import { digText } from "../tree.js";
import type { Rule } from "./rule.js";

/** The farm's own images, which are built with the chart. */
const OWN = /(^|\/)latentfarm\//;

/** The tag and the digest of an image's name. */
function partsOf(image: string): { readonly tag: string | undefined; readonly digest: string | undefined } {
  const [, tag, digest] = /^[^@]*?(?::([^/:@]+))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(image) ?? [];
  return { tag, digest };
}

/** The images of every container. */
export const IMAGE_RULES: readonly Rule[] = [
  {
    name: "images are pinned: the farm's by its version, others by a version",
    check: ({ workloads, version }) =>
      workloads.flatMap(({ containers }) =>
        containers.flatMap(({ body }) => {
          const image = digText(body, "image");
          const { tag, digest } = partsOf(image);
          const isPinned =
            digest !== undefined || (tag !== undefined && /[0-9]/.test(tag) && tag !== "latest");
          const isOurs = !OWN.test(image) || digest !== undefined || tag === version;
          return isPinned && isOurs
            ? []
            : [`${image} is not pinned to ${OWN.test(image) ? version : "a version"}`];
        }),
      ),
  },
];
