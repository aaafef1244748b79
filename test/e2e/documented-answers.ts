import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

/** A part of an OpenAPI document. */
type Part = Record<string, unknown>;

/** One call as it is made and as the document names it. */
export interface Call {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  /** The path with its parameters filled in. */
  readonly path: string;
  /** The path as the document has it; the same when it has no parameters. */
  readonly template?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly expected: number;
}

/** An answer that is as the document says. */
export interface CheckedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Part;
}

/** Headers that say something of the contract; all others are every answer's or the transport's. */
const CONTRACT_HEADERS: ReadonlySet<string> = new Set([
  "etag",
  "expires",
  "location",
  "preference-applied",
  "retry-after",
  "www-authenticate",
  "x-request-id",
]);

/** Characters of an answer that a failure shows. */
const TEXT_CHARS_SHOWN = 500;

/** Longest wait for one answer: a job's end, on a loaded machine. */
const ANSWER_TIMEOUT_MS = 90_000;

/** Holds each answer of a running gateway against the gateway's own OpenAPI document. */
export class DocumentedAnswers {
  readonly #farmUrl: string;
  readonly #document: Part;
  readonly #ajv: Ajv2020;
  readonly #validators = new Map<string, ValidateFunction>();
  /** What was seen: `<operationId> <status>`. */
  readonly seen = new Set<string>();

  private constructor(farmUrl: string, document: Part) {
    this.#farmUrl = farmUrl;
    this.#document = document;
    // The document is no schema itself, only the place of schemas, so its other fields are no unknown keywords.
    this.#ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(this.#ajv);
    this.#ajv.addSchema(document, "farm");
  }

  /** Reads the document of a gateway. */
  static async of(farmUrl: string): Promise<DocumentedAnswers> {
    const document: unknown = await (await fetch(`${farmUrl}/openapi.json`)).json();
    return new DocumentedAnswers(farmUrl, partOf(document));
  }

  /** The document. */
  get document(): Part {
    return this.#document;
  }

  /** The `<operationId>` of every call. */
  operations(): { readonly id: string; readonly statuses: readonly string[] }[] {
    return Object.values(partOf(this.#document.paths)).flatMap((item) =>
      Object.values(partOf(item)).map((call) => {
        const { operationId, responses } = partOf(call);
        return { id: String(operationId), statuses: Object.keys(partOf(responses)) };
      }),
    );
  }

  /** Makes a call and checks status, headers, media type and body of its answer. */
  async call(of: Call): Promise<CheckedAnswer> {
    const { method = "GET", path, body, headers = {}, expected } = of;
    const type = body === undefined ? {} : { "content-type": "application/json" };
    const answer = await fetch(`${this.#farmUrl}${path}`, {
      method,
      headers: { ...type, ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      redirect: "manual",
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    const text = await answer.text();
    const name = `${method} ${path}`;
    if (answer.status !== expected)
      throw new Error(`${name} answered ${answer.status}: ${text.slice(0, TEXT_CHARS_SHOWN)}`);
    const template = (of.template ?? path).replace(/\?.*$/, "");
    const pointer = ["paths", template, (method === "HEAD" ? "GET" : method).toLowerCase()];
    const operationId = String(this.#at(pointer).operationId);
    const place = this.#resolve([...pointer, "responses", String(answer.status)]);
    this.#checkHeaders(name, place, answer.headers);
    const parsed = this.#checkBody(name, place, { type: answer.headers.get("content-type"), text });
    this.seen.add(`${operationId} ${answer.status}`);
    return { status: answer.status, headers: answer.headers, text, body: parsed };
  }

  /** Checks a value against one of the document's schemas. */
  checkSchema(name: string, value: unknown): void {
    this.#validate(name, ["components", "schemas", name], value);
  }

  #checkHeaders(name: string, place: readonly string[], headers: Headers): void {
    const documented = Object.keys(partOf(this.#at(place).headers ?? {}));
    const missing = documented.filter((header) => {
      const target = this.#at(this.#resolve([...place, "headers", header]));
      return target.required === true && !headers.has(header);
    });
    if (missing.length > 0) throw new Error(`${name} lacks the header ${missing.join(", ")}`);
    const known = new Set(documented.map((header) => header.toLowerCase()));
    const undocumented = [...headers.keys()].filter(
      (header) => CONTRACT_HEADERS.has(header) && !known.has(header),
    );
    if (undocumented.length > 0) throw new Error(`${name} has an undocumented ${undocumented.join(", ")}`);
    for (const header of documented) {
      const schema = this.#resolve([...place, "headers", header]);
      const value = headers.get(header);
      const isNumber = partOf(this.#at([...schema, "schema"])).type === "integer";
      if (value !== null)
        this.#validate(`${name} ${header}`, [...schema, "schema"], isNumber ? Number(value) : value);
    }
  }

  #checkBody(
    name: string,
    place: readonly string[],
    answer: { readonly type: string | null; readonly text: string },
  ): Part {
    const content = this.#at(place).content;
    if (content === undefined) {
      if (answer.text !== "") throw new Error(`${name} has a body that is not documented`);
      return {};
    }
    const type = answer.type?.replace(/;.*$/, "") ?? "";
    if (partOf(content)[type] === undefined)
      throw new Error(`${name} has the undocumented type ${answer.type}`);
    if (!type.endsWith("json") || answer.text === "") return {};
    const body: unknown = JSON.parse(answer.text);
    this.#validate(name, [...place, "content", type, "schema"], body);
    return partOf(body);
  }

  #validate(name: string, pointer: readonly string[], value: unknown): void {
    const reference = `farm#/${pointer.map(encodePointer).join("/")}`;
    const validate = this.#validators.get(reference) ?? this.#ajv.compile({ $ref: reference });
    this.#validators.set(reference, validate);
    if (!validate(value))
      throw new Error(`${name} is not as documented: ${this.#ajv.errorsText(validate.errors)}`);
  }

  /** The place itself, or the one that it points to. */
  #resolve(pointer: readonly string[]): readonly string[] {
    const { $ref } = this.#at(pointer);
    return typeof $ref === "string" ? $ref.slice("#/".length).split("/").map(decodePointer) : pointer;
  }

  #at(pointer: readonly string[]): Part {
    return pointer.reduce((part, key) => {
      const next = part[key];
      if (next === undefined) throw new Error(`the document has nothing at ${pointer.join(" ")}`);
      return partOf(next);
    }, this.#document);
  }
}

function partOf(value: unknown): Part {
  if (typeof value !== "object" || value === null) throw new TypeError("the document's part is no object");
  return Object.fromEntries(Object.entries(value));
}

function encodePointer(key: string): string {
  return encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"));
}

function decodePointer(key: string): string {
  return key.replaceAll("~1", "/").replaceAll("~0", "~");
}
