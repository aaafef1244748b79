import { asRecord, dig, digList, digText } from "../tree.js";
import { containerRule, podRule, type Rule } from "./rule.js";

/** Factors of Kubernetes' amounts. Source: kubernetes.io, "Quantity". */
const UNITS: Readonly<Record<string, number>> = {
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** The number that an amount such as "250m" or "24Gi" stands for; NaN for what is none. */
export function amountOf(value: unknown): number {
  const [, number = "", unit = ""] = /^([0-9.]+)([A-Za-z]*)$/.exec(String(value)) ?? [];
  return number === "" ? Number.NaN : Number(number) * (UNITS[unit] ?? Number.NaN);
}

/** What a container asks for and may take. A limit of cores is left to the operator: it would stop a pod that is fast. */
export const RESOURCE_RULES: readonly Rule[] = [
  containerRule("containers say what they need and may take", ({ body }) => {
    const absent = ["requests.cpu", "requests.memory", "limits.memory"].filter(
      (field) => !(amountOf(dig(body, `resources.${field}`)) > 0),
    );
    return absent.length > 0 ? `no amount in ${absent.join(", ")}` : undefined;
  }),
  containerRule("containers ask for no more than they may take", ({ body }) => {
    const limits = asRecord(dig(body, "resources.limits"));
    const over = Object.entries(asRecord(dig(body, "resources.requests"))).filter(
      ([name, value]) => limits[name] !== undefined && amountOf(value) > amountOf(limits[name]),
    );
    return over.length > 0 ? `requests are over limits: ${over.map(([name]) => name)}` : undefined;
  }),
  containerRule("devices are limited, and asked for in the same number", ({ body }) => {
    const limits = asRecord(dig(body, "resources.limits"));
    const requests = asRecord(dig(body, "resources.requests"));
    const wrong = [...Object.keys(limits), ...Object.keys(requests)].filter(
      (name) =>
        name.includes("/") &&
        (limits[name] === undefined || (requests[name] ?? limits[name]) !== limits[name]),
    );
    return wrong.length > 0 ? `limits and requests differ: ${[...new Set(wrong)]}` : undefined;
  }),
  podRule("folders that vanish with a pod have a size", (pod) =>
    digList(pod, "volumes")
      .filter(
        (volume) =>
          dig(volume, "emptyDir") !== undefined && !(amountOf(dig(volume, "emptyDir.sizeLimit")) > 0),
      )
      .map((volume) => `volume ${digText(volume, "name")} has no sizeLimit`),
  ),
];
