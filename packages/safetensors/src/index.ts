export { DTYPE_BYTES, type Dtype, isDtype } from "./dtype.js";
export { SafetensorsFile } from "./file.js";
export { decodeFloat32, encodeFloat32, type FloatDtype, isFloatDtype } from "./float-codec.js";
export { headerLength, parseHeader, type SafetensorsHeader, type TensorInfo } from "./header.js";
export {
  HEADER_BYTES_MAX,
  HEADER_BYTES_MIN,
  LENGTH_PREFIX_BYTES,
  METADATA_COUNT_MAX,
  NAME_LENGTH_MAX,
  RANK_MAX,
  TENSOR_COUNT_MAX,
} from "./limits.js";
export { type TensorPlan, type WriteOptions, writeSafetensors } from "./write.js";
