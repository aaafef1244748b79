export { createApp } from "./app.js";
export type { GatewayConfig, GatewaySecrets } from "./config/env.js";
export { type ContextOverrides, createContext, type GatewayContext } from "./context.js";
