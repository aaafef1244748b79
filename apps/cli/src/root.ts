import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the repository; this file lies equally deep in `src` and in `dist`. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** The apps that a farm is made of. */
export type FarmApp = "gateway" | "worker" | "courier";

/** The built program of an app, as the farm starts it. */
export function appMain(app: FarmApp): string {
  return join(ROOT, "apps", app, "dist", "main.js");
}
