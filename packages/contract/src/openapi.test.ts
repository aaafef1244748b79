import { describe, expect, it } from "vitest";
import { LIMITS } from "./limits.js";
import { createOpenApi } from "./openapi.js";
import { submitRequestSchema } from "./submit.js";

describe("createOpenApi()", () => {
  const document = JSON.parse(JSON.stringify(createOpenApi("1.2.3")));
  const submit = document.components.schemas.SubmitRequest;

  it("createOpenApi() describes each field of the submit body with its limits", () => {
    expect(Object.keys(submit.properties)).toEqual(Object.keys(submitRequestSchema.shape));
    expect(submit.required).toEqual(["prompt"]);
    expect(submit.additionalProperties).toBe(false);
    expect(submit.properties.steps).toMatchObject({ minimum: 1, maximum: LIMITS.steps_max, type: "integer" });
    expect(submit.properties.width.multipleOf).toBe(16);
  });

  it("createOpenApi() points only at schemas that it holds", () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
    expect(refs.length).toBeGreaterThan(10);
    for (const [, name] of refs) expect(document.components.schemas).toHaveProperty(String(name));
  });

  it("createOpenApi() leaves answers open to later fields and says what an error code is", () => {
    expect(document.components.schemas.Job.additionalProperties).toBeUndefined();
    expect(document.components.schemas.Job.properties.id.type).toBe("string");
    expect(document.components.schemas.Problem.properties.code.enum).toContain("invalid_request");
  });
});
