import { asRecord, asText, dig, digList, digText, type Tree } from "../tree.js";
import { containerRule, type Rule } from "./rule.js";

/** Kinds whose pods stay and are watched. */
const SERVING = ["Deployment", "StatefulSet", "DaemonSet"];
const PROBES = ["startupProbe", "livenessProbe", "readinessProbe"];

/** The names of a container's ports. */
export function portNames(container: Tree): readonly string[] {
  return digList(container, "ports").map((port) => digText(port, "name"));
}

/** How the cluster learns whether a container lives and may be asked. */
export const PROBE_RULES: readonly Rule[] = [
  containerRule(
    "containers that serve tell whether they live and are ready",
    ({ body, role }, { manifest }) => {
      if (role !== "main" || !SERVING.includes(manifest.kind)) return undefined;
      // A container without a port, such as an idle shell, serves nobody.
      if (portNames(body).length === 0) return undefined;
      const absent = ["livenessProbe", "readinessProbe"].filter((probe) => dig(body, probe) === undefined);
      return absent.length > 0 ? `no ${absent.join(", no ")}` : undefined;
    },
  ),
  // A worker without its Redis is not ready, and a restart would not help it.
  containerRule("liveness does not hang on other services", ({ body }) => {
    const path = asText(dig(body, "livenessProbe.httpGet.path"));
    return path === "/readyz" ? "livenessProbe asks /readyz" : undefined;
  }),
  containerRule("ports are named, once each", ({ body }) => {
    const names = portNames(body);
    const wrong = names.filter((name, index) => name === "" || names.indexOf(name) !== index);
    return wrong.length > 0 ? `ports are [${names}]` : undefined;
  }),
  containerRule("probes ask ports that the container names", ({ body }) => {
    const wrong = [...PROBES.map((probe) => dig(body, probe)), dig(body, "lifecycle.preStop")]
      .flatMap((probe) => ["httpGet", "tcpSocket", "grpc"].map((way) => asRecord(dig(probe, way)).port))
      .filter((port) => port !== undefined && !portNames(body).includes(String(port)));
    return wrong.length > 0 ? `no port is called ${wrong}` : undefined;
  }),
];
