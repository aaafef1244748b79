export { type ContactSheetOptions, contactSheet } from "./contact-sheet.js";
export { type EncodedImage, type EncodeOptions, encodeImage, encodePreview } from "./encode-image.js";
export {
  decodeImageText,
  decodeRgb,
  type InitImageSize,
  normalizeInitImage,
  type RgbPicture,
} from "./init-image.js";
export {
  INSPECT_BYTES_MAX,
  inspectPicture,
  type PictureFacts,
  type PictureSource,
} from "./inspect-picture.js";
export { parametersText } from "./parameters-text.js";
