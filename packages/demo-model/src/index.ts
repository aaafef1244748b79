export { demoModelFolder } from "./demo-model-folder.js";
