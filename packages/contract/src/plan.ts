import { z } from "zod";

/**
 * The ways in which a model is computed; a picture's plan stands in its result, since each rounds differently.
 * `cpu`: float32. `cuda_sm80`: float16 on GPUs of compute capability 8.0 to 8.8, such as the A10G. `cuda_sm89`: float16
 * from 8.9 on, such as the L4. Weights stay in the precision of their file on all of them.
 */
export const PRECISION_PLANS = ["cpu", "cuda_sm80", "cuda_sm89"] as const;

/** The name of a precision plan on the wire. */
export const precisionPlanSchema = z.enum(PRECISION_PLANS);

/** The name of a precision plan. */
export type PrecisionPlanName = z.infer<typeof precisionPlanSchema>;
