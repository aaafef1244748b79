import { nameOf } from "../manifest.js";
import { asRecord, digList, digText, stringsBelow } from "../tree.js";
import { containerRule, ofKind, type Rule } from "./rule.js";

/** Names of variables whose value is nobody's business. */
const SECRET_NAME = /PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|(^|_)KEY(_ID)?$|API_KEY|ACCESS_KEY/i;
/** The file of a secret is none (FARM_C2PA_KEY names one), nor is the name of a key that a service keeps. */
const OPEN_NAME = /_FILE$|^FARM_(S3_KMS|C2PA)_KEY$/;
/** Texts that are secrets by their form: a password in a URL, the farm's keys, webhook secrets, AWS's keys, PEM. */
const SECRET_TEXT: readonly RegExp[] = [
  /[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:[^/\s@]+@/i,
  /\blf_[0-9A-Za-z]{12}_[0-9A-Za-z]{40}\b/,
  /\bwhsec_[A-Za-z0-9+/=]{16,}/,
  /\b(AKIA|ASIA)[0-9A-Z]{16}\b/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
];

/** Secrets stand in Secrets, and those are the operator's. */
export const SECRET_RULES: readonly Rule[] = [
  {
    name: "the chart makes no Secret with data in it",
    check: (farm) =>
      ofKind(farm, "Secret")
        .filter(
          ({ body }) => Object.keys({ ...asRecord(body.data), ...asRecord(body.stringData) }).length > 0,
        )
        .map((manifest) => `${nameOf(manifest)} has data`),
  },
  containerRule("variables that hold secrets take them from Secrets", ({ body }) => {
    const open = digList(body, "env").filter((one) => {
      const name = digText(one, "name");
      return SECRET_NAME.test(name) && !OPEN_NAME.test(name) && digText(one, "value") !== "";
    });
    return open.length > 0 ? `in plain text: ${open.map((one) => digText(one, "name"))}` : undefined;
  }),
  {
    name: "no text of any object is a secret",
    check: ({ manifests }) =>
      manifests.flatMap((manifest) =>
        stringsBelow(manifest.body)
          .filter(([, text]) => SECRET_TEXT.some((form) => form.test(text)))
          .map(([path]) => `${nameOf(manifest)}: ${path}`),
      ),
  },
];
