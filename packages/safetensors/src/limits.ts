/** Bytes of the little-endian u64 that opens every file and gives the header's length. */
export const LENGTH_PREFIX_BYTES = 8;

/** Smallest header, in bytes: `{}`. */
export const HEADER_BYTES_MIN = 2;

/** Largest header, in bytes. The format's own cap, `MAX_HEADER_SIZE` in huggingface/safetensors `tensor.rs`. */
export const HEADER_BYTES_MAX = 100_000_000;

/** Most tensors in a file. SD3.5 Large with scales has about 2,000; the cap bounds memory per hostile header. */
export const TENSOR_COUNT_MAX = 100_000;

/** Longest tensor name, in UTF-16 code units. The longest checkpoint key in use is about 120. */
export const NAME_LENGTH_MAX = 1024;

/** Most dimensions of a tensor. Convolution weights have 4; 8 is ONNX Runtime's practical bound. */
export const RANK_MAX = 8;

/** Most keys under `__metadata__`. Trainers write dozens. A value's length is bounded by the header's. */
export const METADATA_COUNT_MAX = 10_000;

/** Longest text quoted from a file in an error message, in characters: enough to recognise, too short to flood. */
export const QUOTE_LENGTH_MAX = 80;

/** Most bytes asked of one read system call. Linux transfers at most 2^31 - 4096 bytes at a time. */
export const READ_BYTES_MAX = 1024 ** 3;
