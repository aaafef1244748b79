export { type ContactSheetOptions, contactSheet } from "./contact-sheet.js";
export { createPictureSigner, type PictureSigner } from "./credentials/create-picture-signer.js";
export type { CredentialState, Credentials } from "./credentials/read-credentials.js";
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
  type InspectOptions,
  inspectPicture,
  type PictureFacts,
  type PictureSource,
} from "./inspect-picture.js";
export { parametersText } from "./parameters-text.js";
