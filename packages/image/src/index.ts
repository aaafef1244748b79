export { type ContactSheetOptions, contactSheet } from "./contact-sheet.js";
export { type EncodedImage, type EncodeOptions, encodeImage, encodePreview } from "./encode-image.js";
export {
  decodeImageText,
  decodeRgb,
  type InitImageSize,
  normalizeInitImage,
  type RgbPicture,
} from "./init-image.js";
export { parametersText } from "./parameters-text.js";
