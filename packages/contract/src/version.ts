/** The version of this farm, the same in all of its packages; a test holds it to the root's package.json. */
export const FARM_VERSION = "0.1.0";
