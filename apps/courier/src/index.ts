export type { CourierConfig, CourierSecrets } from "./config/env.js";
export { type ContextOverrides, type CourierContext, createContext } from "./context.js";
export { type RunOptions, runCourier } from "./run-courier.js";
