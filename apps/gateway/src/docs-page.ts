import { createHash } from "node:crypto";
import type { createOpenApi } from "@latentfarm/contract";

/** A page with what it may use. */
export interface Page {
  readonly html: string;
  /** Its Content-Security-Policy: its own style and nothing else, so that no text in it can do anything. */
  readonly policy: string;
}

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
code{font-family:ui-monospace,monospace}h2{margin-top:2rem}summary{cursor:pointer;padding:.3rem 0}
summary b{display:inline-block;width:3.5rem}table{border-collapse:collapse}td{padding:.1rem 1rem .1rem 0;vertical-align:top}
@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}a{color:#8bf}}`;

type Document = ReturnType<typeof createOpenApi>;

/** One call of the document, as far as the page tells of it. */
interface DocumentedCall {
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly scope: string;
  readonly parameters: readonly (readonly [name: string, place: string, text: string])[];
  readonly body: string;
  readonly answers: readonly (readonly [status: string, text: string])[];
}

/** Makes a page of the contract: every call with its parameters and answers, without scripts and foreign files. */
export function renderDocsPage(document: Document): Page {
  const calls = callsOf(document);
  const sections = [...new Set(calls.map(({ tag }) => tag))].map((tag) => {
    const own = calls.filter((call) => call.tag === tag);
    return `<h2>${escapeHtml(tag)}</h2>${own.map(renderCall).join("")}`;
  });
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Latentfarm</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body><h1>Latentfarm</h1>
<p>The calls of this gateway. Schemas and limits are in <a href="/openapi.json">/openapi.json</a>, which any OpenAPI
tool reads. Calls show a key as <code>Authorization: Bearer lf_…</code> once the farm has one.</p>
${sections.join("\n")}</body></html>\n`;
  const hash = createHash("sha256").update(STYLE).digest("base64");
  return { html, policy: `default-src 'none'; style-src 'sha256-${hash}'; frame-ancestors 'none'` };
}

function renderCall(call: DocumentedCall): string {
  const rows = [
    ...call.parameters.map(([name, place, text]) => [name, `${place}. ${text}`] as const),
    ...(call.body === "" ? [] : [["body", call.body] as const]),
    ...call.answers,
  ];
  const table = rows.map(
    ([name, text]) => `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(text)}</td></tr>`,
  );
  const title = `<b>${escapeHtml(call.method)}</b><code>${escapeHtml(call.path)}</code> ${escapeHtml(call.summary)}`;
  return `<details><summary>${title}</summary><p>Scope: ${escapeHtml(call.scope)}</p><table>${table.join("")}</table></details>`;
}

function callsOf(document: Document): DocumentedCall[] {
  return fieldsOf(document.paths).flatMap(([path, item]) =>
    fieldsOf(item).map(([method, of]) => {
      const call = new Map(fieldsOf(of));
      return {
        method: method.toUpperCase(),
        path,
        summary: String(call.get("summary") ?? ""),
        tag: listOf(call.get("tags")).map(String)[0] ?? "",
        scope: String(call.get("x-scope") ?? "none"),
        parameters: listOf(call.get("parameters")).map(describeParameter),
        body: schemaName(call.get("requestBody")),
        answers: fieldsOf(call.get("responses")).map(
          ([status, answer]) => [status, describeAnswer(document, answer)] as const,
        ),
      };
    }),
  );
}

function describeParameter(parameter: unknown): readonly [string, string, string] {
  const of = new Map(fieldsOf(parameter));
  return [String(of.get("name")), String(of.get("in")), String(of.get("description") ?? "")];
}

function describeAnswer(document: Document, answer: unknown): string {
  const of = new Map(fieldsOf(answer));
  const name = /\/responses\/(\w+)$/.exec(String(of.get("$ref")))?.[1];
  if (name === undefined) return String(of.get("description"));
  const shared = new Map(fieldsOf(new Map(fieldsOf(document.components)).get("responses"))).get(name);
  return String(new Map(fieldsOf(shared)).get("description"));
}

function schemaName(body: unknown): string {
  return /#\/components\/schemas\/(\w+)/.exec(JSON.stringify(body) ?? "")?.[1] ?? "";
}

function fieldsOf(value: unknown): (readonly [string, unknown])[] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
