import { join } from "node:path";
import type { FarmEnv } from "@latentfarm/contract";
import { describeFailure } from "../failure.js";
import type { Machine } from "../farm/machine.js";
import { ensurePrometheus } from "../farm/prometheus-binary.js";
import { ensureRedis } from "../farm/redis-binary.js";
import { ROOT } from "../root.js";
import { ensureHelm, ensureHelmDocs, ensureKubeconform } from "./chart-tools.js";
import { ensureCluster } from "./cluster-tools.js";
import { ensureComposeLoader } from "./compose-loader.js";
import { ensureContainerTools } from "./container-tools.js";
import { ensureHadolint } from "./hadolint.js";
import { ensureS3Server } from "./s3-server.js";

/** Where what tests need and no package manager has is kept. */
const TOOLS_DIR = join(ROOT, ".farm", "tools");

/** How a program that tests run is found, or installed after saying so; it throws when neither can be. */
interface Tool {
  readonly ensure: (machine: Machine) => string;
  /** The variable that tests find the program's path in; none when they look on the path themselves. */
  readonly variable?: Extract<keyof FarmEnv, `FARM_TEST_${string}`>;
}

/** Every program that a suite may need. */
const TOOLS = {
  redis: { ensure: ensureRedis },
  s3: { ensure: (machine) => ensureS3Server(machine, TOOLS_DIR), variable: "FARM_TEST_S3_SERVER" },
  prometheus: { ensure: ensurePrometheus },
  containers: { ensure: ensureContainerTools },
  hadolint: { ensure: (machine) => ensureHadolint(machine, TOOLS_DIR), variable: "FARM_TEST_HADOLINT" },
  helm: { ensure: (machine) => ensureHelm(machine, TOOLS_DIR), variable: "FARM_TEST_HELM" },
  "helm-docs": { ensure: (machine) => ensureHelmDocs(machine, TOOLS_DIR), variable: "FARM_TEST_HELM_DOCS" },
  kubeconform: {
    ensure: (machine) => ensureKubeconform(machine, TOOLS_DIR),
    variable: "FARM_TEST_KUBECONFORM",
  },
  cluster: { ensure: (machine) => ensureCluster(machine, ROOT, TOOLS_DIR), variable: "FARM_TEST_CLUSTER" },
  composeLoader: {
    ensure: (machine) => ensureComposeLoader(machine, TOOLS_DIR),
    variable: "FARM_TEST_COMPOSE_LOADER",
  },
} as const satisfies Readonly<Record<string, Tool>>;

/** The name of a program that a suite may need. */
export type ToolName = keyof typeof TOOLS;

/** What was found of the programs that suites need. */
export interface FoundTools {
  /** Why a program is absent, by its name. */
  readonly problems: ReadonlyMap<ToolName, string>;
  /** What tests are told of those that are there. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Looks for each program once, and installs what is absent where that is possible. */
export function findTools(names: readonly ToolName[], machine: Machine): FoundTools {
  const problems = new Map<ToolName, string>();
  const environment: Record<string, string> = {};
  for (const name of new Set(names)) {
    const tool: Tool = TOOLS[name];
    try {
      const path = tool.ensure(machine);
      if (tool.variable !== undefined) environment[tool.variable] = path;
    } catch (error) {
      problems.set(name, describeFailure(error));
    }
  }
  return { problems, environment };
}
