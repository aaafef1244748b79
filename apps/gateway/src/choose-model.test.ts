import { describe, expect, it } from "vitest";
import { chooseModel } from "./choose-model.js";
import { FAKE_MODEL } from "./testing/fake-farm.js";

const live = { ...FAKE_MODEL, name: "live", workers: 1 };
const lately = { ...FAKE_MODEL, name: "lately", workers: 0 };

describe("chooseModel()", () => {
  it("chooseModel() takes the one that live workers serve, before those of yesterday", () => {
    expect(chooseModel(undefined, [lately, live])).toEqual({ model: live });
    expect(chooseModel(undefined, [lately])).toEqual({ model: lately });
  });

  it("chooseModel() takes a named model that no live worker serves", () => {
    expect(chooseModel("lately", [lately, live])).toEqual({ model: lately });
  });

  it("chooseModel() asks for a name among several of a kind, and refuses an unknown one", () => {
    const several = chooseModel(undefined, [live, { ...live, name: "second" }, lately]);
    expect(several).toMatchObject({
      fault: { path: "model", message: expect.stringMatching(/: one of live, second$/) },
    });
    const unknown = chooseModel("other", [live, lately]);
    expect(unknown).toMatchObject({ fault: { message: "is not served: one of live, lately" } });
    expect(chooseModel(undefined, [lately, { ...lately, name: "older" }])).toHaveProperty("fault");
  });

  it("chooseModel() knows that no model was ever announced", () => {
    expect(chooseModel("live", [])).toMatchObject({ none: { code: "model_unavailable" } });
  });
});
