export { WorkRate } from "../../estimate/work-rate.js";
export { findRedisServer, startPrivateRedis } from "../simulation/private-redis.js";
export { type Random, seededRandom } from "../simulation/random.js";
export { Schedule } from "../simulation/schedule.js";
export type { FrameOrder, OrderBooks, OrderedJob, OrderedTenant, TakenFrame } from "./frame-order.js";
export { ModelledOrder } from "./modelled-order.js";
export { PlayedOrder } from "./played-order.js";
