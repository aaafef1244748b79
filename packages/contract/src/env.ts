import { z } from "zod";
import { parseApiKey } from "./api-key.js";
import { FarmError } from "./errors.js";
import { LIMITS } from "./limits.js";

/** The highest TCP port. */
const PORT_MAX = 65_535;
/** Frames that one worker takes in flight: beyond this a batch gains nothing and its latents only take memory. */
const WORKER_CONCURRENCY_MAX = 256;
const WORKER_CONCURRENCY_DEFAULT = 16;
/** Threads of one engine: the cores of the largest machine in use, with room. */
const ENGINE_THREADS_MAX = 256;
/** Steps between two snapshots: as many as a job may have. */
const SNAPSHOT_STEPS_MAX = LIMITS.steps_max;
const SNAPSHOT_STEPS_DEFAULT = 5;
/** Seconds of a drain: AWS gives a spot machine 120, the notice is seen within 5 and a worker's own end takes up to 20. */
const DRAIN_SECONDS_MAX = 90;
const DRAIN_SECONDS_DEFAULT = 10;
/** Deliveries that a courier has under way: each is a socket and its body, some 100 kB; one tenant has 64 at most. */
const COURIER_CONCURRENCY_MAX = 4_096;
const COURIER_CONCURRENCY_DEFAULT = 256;
/** Pauses of a retry schedule, and seconds of one: a week is as long as a dead letter is kept. */
const RETRIES_MAX = 20;
const RETRY_SECONDS_MAX = 604_800;
/** Seeds of test runs: nine digits are short enough to type again. */
const TEST_SEED_MAX = 999_999_999;
/** Seconds that a signed URL is good for: S3's own most is a week. A browser that shows a page needs minutes. */
const PRESIGN_SECONDS_MAX = 604_800;
const PRESIGN_SECONDS_DEFAULT = 3_600;
/** Characters of a bucket's name, as S3 has them. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Plain segments with a slash after each, 256 characters in all: keys take 60 of the 1,024 bytes that S3 allows. */
const S3_PREFIX = /^(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*\/)+$/;
const S3_PREFIX_CHARS_MAX = 256;
/** Seconds of a lame duck: a load balancer looks every few seconds; a minute is more than any needs. */
const LAME_DUCK_SECONDS_MAX = 60;
/** Names of pods and namespaces. Source: kubernetes.io, "Object Names and IDs", DNS subdomain and label names. */
const POD_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const POD_NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** Characters of a worker's id: it stands in logs, results and Redis keys. */
const WORKER_ID = /^[A-Za-z0-9_.-]{1,64}$/;

const text = z.string().min(1, "must not be empty");
const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^[0-9]{1,9}$/, "must be a whole number")
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be ${min}..${max}`);
const flag = z
  .enum(["0", "1"], "must be 0 or 1")
  .default("0")
  .transform((value) => value === "1");
const url = (...protocols: string[]) =>
  z
    .string()
    .refine(
      (value) => URL.canParse(value) && protocols.includes(new URL(value).protocol),
      `must be a URL of ${protocols.join(" or ")}`,
    );
const region = z
  .string()
  .regex(/^[a-z0-9-]{1,32}$/, "must be lower-case letters, digits and '-'")
  .optional();
const endpoint = url("http:", "https:")
  .refine((value) => !/[?#@]/.test(value), "must have no user, no query and no fragment")
  .transform((value) => value.replace(/\/+$/, ""))
  .optional();

/** Every `FARM_` name that exists, with its check and what it is for. One table, so that a misspelt name is found. */
const FARM_ENV = {
  FARM_REDIS_URL: url("redis:", "rediss:").optional().describe("The Redis that holds the queue"),
  FARM_REDIS_PASSWORD_FILE: text
    .optional()
    .describe("The file of the password for FARM_REDIS_URL, which then has none; read at the start"),
  FARM_HOST: text.default("127.0.0.1").describe("The address that the gateway listens on"),
  FARM_PORT: whole(0, PORT_MAX).default(8080).describe("The gateway's port; 0 takes any free one"),
  FARM_DATA: text.default(".farm").describe("The folder of results and of the farm's own state"),
  FARM_MODEL: text.optional().describe("The model folder; the demo model when absent"),
  FARM_WORKER_ID: z
    .string()
    .regex(WORKER_ID, "must be 1..64 letters, digits, '_', '.' and '-'")
    .optional()
    .describe("The worker's name; made from host and process id when absent"),
  FARM_WORKER_CONCURRENCY: whole(1, WORKER_CONCURRENCY_MAX)
    .default(WORKER_CONCURRENCY_DEFAULT)
    .describe("Frames that a worker takes in flight"),
  FARM_DEVICE: z
    .enum(["auto", "cpu", "cuda"], "must be auto, cpu or cuda")
    .default("auto")
    .describe("What the engine computes on; auto takes a fit GPU where there is one"),
  FARM_ENGINE_THREADS: whole(1, ENGINE_THREADS_MAX)
    .optional()
    .describe("Threads of the engine; the machine's cores when absent"),
  FARM_SNAPSHOT_STEPS: whole(1, SNAPSHOT_STEPS_MAX)
    .default(SNAPSHOT_STEPS_DEFAULT)
    .describe("Steps after which a half-done frame is saved, so that another worker can go on with it"),
  FARM_DRAIN_SECONDS: whole(0, DRAIN_SECONDS_MAX)
    .default(DRAIN_SECONDS_DEFAULT)
    .describe("Seconds that a worker which stops gives its frames to finish; the rest go on elsewhere"),
  FARM_C2PA_CERT: text
    .optional()
    .describe("A PEM file: the certificate that signs pictures, then its authorities; with FARM_C2PA_KEY"),
  FARM_C2PA_KEY: text
    .optional()
    .describe("A PEM file: the key of that certificate. Pictures are not signed when absent"),
  FARM_SPOT: z
    .enum(["aws"], "must be aws")
    .optional()
    .describe("Whose notices of the end of a spot machine start a drain; none when absent"),
  FARM_SPOT_METADATA_URL: url("http:")
    .default("http://169.254.169.254")
    .describe("Where the machine's metadata service answers, for FARM_SPOT"),
  FARM_LAME_DUCK_SECONDS: whole(0, LAME_DUCK_SECONDS_MAX)
    .default(0)
    .describe("Seconds that a gateway which stops still takes requests, until load balancers have seen it"),
  FARM_POD_NAME: z
    .string()
    .regex(POD_NAME, "must be the name of a pod")
    .optional()
    .describe("The worker's own pod, whose deletion cost it keeps; with FARM_POD_NAMESPACE"),
  FARM_POD_NAMESPACE: z
    .string()
    .regex(POD_NAMESPACE, "must be the name of a namespace")
    .optional()
    .describe("The namespace of FARM_POD_NAME"),
  FARM_PUBLIC_URL: url("http:", "https:")
    .refine((value) => !/[?#]/.test(value), "must have no query and no fragment")
    .transform((value) => value.replace(/\/+$/, ""))
    .optional()
    .describe("Where clients reach the gateway; stands before the paths in the bodies of webhooks"),
  FARM_WEBHOOK_LOOPBACK: flag.describe(
    "1: webhooks may go to this machine, by http and to any port, for a laptop and for tests",
  ),
  FARM_WEBHOOK_TRACEPARENT: flag.describe(
    "1: receivers of webhooks are sent the trace of the job, as traceparent, where traces are on",
  ),
  FARM_WEBHOOK_PORTS: z
    .string()
    .regex(/^[0-9]{1,5}(,[0-9]{1,5})*$/, "must be ports with commas between")
    .transform((value) => value.split(",").map(Number))
    .refine((ports) => ports.every((port) => port >= 1 && port <= PORT_MAX), `must be 1..${PORT_MAX} each`)
    .optional()
    .describe("The ports that webhooks may go to, such as 443,8443; those of web servers when absent"),
  FARM_WEBHOOK_RETRY_SECONDS: z
    .string()
    .regex(/^[0-9]{1,6}(,[0-9]{1,6})*$/, "must be seconds with commas between")
    .transform((value) => value.split(",").map(Number))
    .refine((list) => list.length <= RETRIES_MAX, `must be at most ${RETRIES_MAX} pauses`)
    .refine(
      (list) => list.every((seconds) => seconds <= RETRY_SECONDS_MAX),
      `must be 0..${RETRY_SECONDS_MAX} each`,
    )
    .optional()
    .describe(
      "The pauses between the attempts at a webhook, such as 5,300,1800; ten attempts over 75 h when absent",
    ),
  FARM_COURIER_CONCURRENCY: whole(1, COURIER_CONCURRENCY_MAX)
    .default(COURIER_CONCURRENCY_DEFAULT)
    .describe("Webhooks that a courier has under way"),
  FARM_STORE: z
    .enum(["disk", "s3"], "must be disk or s3")
    .default("disk")
    .describe("Where pictures and the history of jobs lie: a folder of FARM_DATA, or a bucket"),
  FARM_MODELS_S3_REGION: region.describe("The region of the bucket that models are pulled from"),
  FARM_MODELS_S3_ENDPOINT: endpoint.describe("The URL of a server of models that is not AWS's"),
  FARM_MODELS_S3_PATH_STYLE: flag.describe("As FARM_S3_PATH_STYLE, for the bucket of models"),
  FARM_S3_BUCKET: z
    .string()
    .regex(BUCKET, "must be 3..63 lower-case letters, digits, '.' and '-'")
    .optional()
    .describe("The bucket; credentials come from AWS's own variables, files or roles"),
  FARM_S3_REGION: region.describe("The bucket's region; AWS_REGION when absent"),
  FARM_S3_ENDPOINT: endpoint.describe(
    "The URL of a server that is not AWS's; readers of pictures must reach it too, or FARM_S3_PUBLIC_ENDPOINT",
  ),
  FARM_S3_PUBLIC_ENDPOINT: endpoint.describe(
    "The server's URL for readers of pictures, where they reach it by another than FARM_S3_ENDPOINT",
  ),
  FARM_S3_PREFIX: z
    .string()
    .transform((value) => `${value.replace(/\/+$/, "")}/`)
    .refine(
      (value) => S3_PREFIX.test(value) && value.length <= S3_PREFIX_CHARS_MAX,
      "must be names with slashes between",
    )
    .default("")
    .describe("Stands before every key, so that a bucket may hold more than one farm"),
  FARM_S3_PATH_STYLE: flag.describe("1: the bucket stands in the path, as most servers but AWS want it"),
  FARM_S3_SSE: z
    .enum(["AES256", "aws:kms"], "must be AES256 or aws:kms")
    .optional()
    .describe("How the store encrypts; the bucket's default when absent"),
  FARM_S3_KMS_KEY: z
    .string()
    .regex(/^[A-Za-z0-9:/_-]{1,512}$/, "must be a key's id or ARN")
    .optional()
    .describe("The key for FARM_S3_SSE=aws:kms; the account's default when absent"),
  FARM_S3_STORAGE_CLASS: z
    .enum(
      [
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER_IR",
        "EXPRESS_ONEZONE",
      ],
      "must be a class that answers at once, such as STANDARD_IA",
    )
    .optional()
    .describe("The storage class of pictures; the bucket's default when absent"),
  FARM_S3_CHECKSUMS: z
    .enum(["sha256", "crc32", "required"], "must be sha256, crc32 or required")
    .default("sha256")
    .describe(
      "What protects an upload on its way; required: only what S3 insists on, for servers that know no more",
    ),
  FARM_S3_TAGS: z
    .enum(["0", "1"], "must be 0 or 1")
    .default("1")
    .transform((value) => value === "1")
    .describe("1: each object is tagged with its tenant, for lifecycle rules; needs s3:PutObjectTagging"),
  FARM_S3_PRESIGN_SECONDS: whole(1, PRESIGN_SECONDS_MAX)
    .default(PRESIGN_SECONDS_DEFAULT)
    .describe("Seconds that the URL of a picture in the bucket is good for"),
  FARM_METRICS_HOST: text
    .default("127.0.0.1")
    .describe("The address that workers and couriers tell metrics and readiness on"),
  FARM_METRICS_PORT: whole(0, PORT_MAX)
    .default(0)
    .describe("The port of /metrics, /healthz and /readyz of a worker or courier; 0 for none"),
  FARM_LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"], "must be a pino level")
    .default("info")
    .describe("The least level that is logged"),
  FARM_URL: url("http:", "https:").optional().describe("The gateway that the command line talks to"),
  FARM_API_KEY: z
    .string()
    .refine(
      (value) => parseApiKey(value) !== undefined,
      "must be an API key: lf_, 12 characters, _ and 40 more",
    )
    .optional()
    .describe("The API key that the command line shows the gateway"),
  FARM_TEST_SHARED: text.optional().describe("The folder of reference cases for the tests"),
  FARM_TEST_S3_SERVER: text.optional().describe("The program of the S3 server that tests run"),
  FARM_TEST_HELM: text.optional().describe("The helm that tests render the chart with"),
  FARM_TEST_HELM_DOCS: text.optional().describe("The helm-docs that tests write the chart's README with"),
  FARM_TEST_HADOLINT: text.optional().describe("The hadolint that tests lint the Dockerfile with"),
  FARM_TEST_KUBECONFORM: text
    .optional()
    .describe("The kubeconform that tests hold manifests against schemas with"),
  FARM_TEST_COMPOSE_LOADER: text.optional().describe("The program that tests load compose files with"),
  FARM_TEST_CLUSTER: text.optional().describe("The folder of the kube-apiserver and etcd that tests run"),
  FARM_TEST_REQUIRED: flag.describe("1: a test that would be skipped fails"),
  FARM_TEST_SEED: whole(0, TEST_SEED_MAX)
    .optional()
    .describe("Replays the chaos and soak runs that printed this seed; drawn when absent"),
} as const;

const farmEnvSchema = z.object(FARM_ENV);

/** The `FARM_` part of an environment, parsed; keyed by the variables' own names. */
export type FarmEnv = Readonly<z.infer<typeof farmEnvSchema>>;

/**
 * Reads the `FARM_` part of an environment. An empty value counts as absent, as container files write it. Values
 * never stand in the message: a Redis URL may hold a password.
 * @throws {FarmError} config_invalid, listing every unknown name and every bad value in its message.
 */
export function parseFarmEnv(env: Readonly<Record<string, string | undefined>>): FarmEnv {
  const given = Object.entries(env).filter(
    ([name, value]) => name.startsWith("FARM_") && (value ?? "") !== "",
  );
  const unknown = given.map(([name]) => name).filter((name) => !Object.hasOwn(FARM_ENV, name));
  const parsed = farmEnvSchema.safeParse(Object.fromEntries(given));
  const bad = parsed.error?.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`) ?? [];
  const problems = [...unknown.map((name) => `${name} is not a known name`), ...bad];
  if (!parsed.success || problems.length > 0) {
    throw new FarmError(
      "config_invalid",
      `Cannot start as the environment is wrong: ${problems.join("; ")}`,
      {
        details: { problems },
      },
    );
  }
  return Object.freeze(parsed.data);
}

/** Every `FARM_` name with what it is for, for help texts. */
export const FARM_ENV_HELP: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(FARM_ENV).map(([name, schema]) => [name, schema.description ?? ""]),
);
