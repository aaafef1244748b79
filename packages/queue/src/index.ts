export type {
  ConsumeOptions,
  EventOptions,
  Failure,
  Farm,
  FrameConsumer,
  FrameWork,
  Job,
  JobFrame,
  NewJob,
  QueueLog,
  QueueOptions,
} from "./farm.js";
