import { ACCESS_RULES } from "./access.js";
import { AVAILABILITY_RULES } from "./availability.js";
import { ENVIRONMENT_RULES } from "./environment.js";
import { IMAGE_RULES } from "./images.js";
import { LABEL_RULES } from "./labels.js";
import { METRIC_RULES } from "./metrics.js";
import { POD_SECURITY_RULES } from "./pod-security.js";
import { PROBE_RULES } from "./probes.js";
import { REFERENCE_RULES } from "./references.js";
import { RESOURCE_RULES } from "./resources.js";
import type { Rule } from "./rule.js";
import { SCALING_RULES } from "./scaling.js";
import { SECRET_RULES } from "./secrets.js";

/** Every demand on a chart that holds for all values. */
export const RULES: readonly Rule[] = [
  ...POD_SECURITY_RULES,
  ...RESOURCE_RULES,
  ...PROBE_RULES,
  ...SECRET_RULES,
  ...LABEL_RULES,
  ...IMAGE_RULES,
  ...REFERENCE_RULES,
  ...SCALING_RULES,
  ...AVAILABILITY_RULES,
  ...ENVIRONMENT_RULES,
  ...METRIC_RULES,
  ...ACCESS_RULES,
];
