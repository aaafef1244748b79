/** Milliseconds that a request waits for the queue: a client is told within 2 s that it is away. */
export const QUEUE_MS_MAX = 1_800;

/** Milliseconds that a request waits for a bucket: three tries of a short answer, below the 30 s of common proxies. */
export const STORE_MS_MAX = 15_000;

/** Seconds after which a client of a farm that is away may ask again: one reconnect of the queue. */
export const RETRY_AFTER_SECONDS = 2;

/** Milliseconds between comments on a silent event stream: proxies commonly cut a silent connection at 30 to 60 s. */
export const HEARTBEAT_MS = 15_000;

/** Milliseconds after which a reader of a broken event stream comes back. */
export const STREAM_RETRY_MS = 2_000;

/** Milliseconds that an event stream waits for a reader that takes nothing, before it is cut. */
export const STREAM_STALL_MS_MAX = 30_000;

/** Connections at once, event streams included: an idle one takes 25 kB, 400 MB in all. */
export const CONNECTIONS_MAX = 16_384;

/**
 * Requests with an image that are read and decoded at once: each takes up to 100 MB (the body, its text, the decoded
 * bytes and the pixels) until its image is stored.
 */
export const IMAGE_BODIES_MAX = 4;

/** Milliseconds for a whole request to arrive: 64 kB on the slowest mobile line. */
export const REQUEST_MS_MAX = 30_000;

/** Milliseconds for the headers of a request to arrive. */
export const HEADERS_MS_MAX = 10_000;

/**
 * Milliseconds that a connection may wait for its next request. Above the 60 s after which nginx and the load balancers of
 * AWS drop theirs: whoever drops first must be the proxy, or a request that it sends on a connection which closes at that
 * moment becomes a 502, and a POST is not sent again. Node's own 5 s are below every proxy's.
 */
export const KEEP_ALIVE_MS = 75_000;

/** Milliseconds that a drain gives the answers under way before their connections are cut. */
export const DRAIN_MS_MAX = 10_000;

/** Milliseconds for which a list of models is used: a submit needs no newer one, and a thousand a second share it. */
export const MODELS_CACHE_MS = 1_000;
