export type {
  ConsumeOptions,
  EventOptions,
  Farm,
  FrameConsumer,
  FrameWork,
  NewJob,
  QueueLog,
  QueueOptions,
} from "./farm.js";
