import { describe, expect, test } from "vitest";
import { toFarmError } from "./onnxruntime-error.js";

describe("toFarmError()", () => {
  test.each([
    "Non-zero status code returned while running Gemm node. bfc_arena.cc:358 Failed to allocate memory for requested buffer of size 1073741824",
    "std::bad_alloc",
    "CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size);",
    "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0",
    "Array buffer allocation failed",
  ])("knows that memory was the cause: %s", (text) => {
    const error = toFarmError("internal", "Cannot run session: component is mmdit", new Error(text));
    expect(error).toMatchObject({ code: "out_of_memory", retryable: true, details: { reason: text } });
  });

  test.each(["Got invalid dimensions for input: latent", "INVALID_ARGUMENT : Unexpected input data type"])(
    "keeps the code of another fault: %s",
    (text) => {
      expect(toFarmError("internal", "Cannot run session", new Error(text)).code).toBe("internal");
    },
  );
});
