export { type ContactSheetOptions, contactSheet } from "./contact-sheet.js";
export { type EncodeOptions, encodeImage, encodePreview } from "./encode-image.js";
export { parametersText } from "./parameters-text.js";
