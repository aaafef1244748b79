export type { ComponentGraph, ComponentName } from "./component-graph.js";
