import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { initSync, WasmBuilder, WasmReader } from "@contentauth/c2pa-wasm";

/** The two parts of c2pa-rs that are used. */
export interface C2pa {
  readonly Builder: typeof WasmBuilder;
  readonly Reader: typeof WasmReader;
}

/** What the library is told beside what trust needs: it must neither ask the network nor wait for it. */
export const OFFLINE = { remote_manifest_fetch: false, ocsp_fetch: false };

/**
 * Loads c2pa-rs as WebAssembly out of its package: some 40 ms and 28 MB the first time, nothing after. The library
 * reads a picture that it signs by `FileReaderSync`, which browsers' workers have and Node has not; it gets one that knows
 * {@link BytesBlob} alone.
 */
export function loadC2pa(): C2pa {
  const file = createRequire(import.meta.url).resolve("@contentauth/c2pa-wasm/c2pa.wasm");
  if (!("FileReaderSync" in globalThis)) {
    Object.defineProperty(globalThis, "FileReaderSync", { value: BytesReader, configurable: true });
    initSync({ module: readFileSync(file) });
  }
  return { Builder: WasmBuilder, Reader: WasmReader };
}

/** Bytes as the `Blob` that the library asks for; readable at once. */
export class BytesBlob extends Blob {
  readonly #bytes: Uint8Array;
  override readonly size: number;

  constructor(bytes: Uint8Array) {
    super([]);
    this.#bytes = bytes;
    this.size = bytes.length;
  }

  override slice(start = 0, end = this.#bytes.length): BytesBlob {
    return new BytesBlob(this.#bytes.subarray(start, end));
  }

  /** A copy of the bytes. */
  read(): ArrayBuffer {
    return new Uint8Array(this.#bytes).buffer;
  }
}

class BytesReader {
  readAsArrayBuffer(blob: unknown): ArrayBuffer {
    if (!(blob instanceof BytesBlob))
      throw new TypeError("Cannot read the blob as bytes: it is another kind");
    return blob.read();
  }
}
