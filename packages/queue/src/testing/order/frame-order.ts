import type { Priority } from "@latentfarm/contract";

/** A job as the order knows it. */
export interface OrderedJob {
  readonly id: string;
  readonly tenant: string;
  readonly priority: Priority;
  readonly frames: number;
  readonly steps: number;
  /** Units of work of one step of one frame. */
  readonly stepUnits: number;
}

/** A tenant's settings. */
export interface OrderedTenant {
  readonly name: string;
  readonly weight: number;
  /** Frames of it that may be released and not ended; 0 for no limit. */
  readonly runningFramesMax: number;
}

/** An attempt at a frame, as the worker that took it holds it. */
export interface TakenFrame {
  readonly job: string;
  readonly index: number;
  readonly attempt: number;
  readonly token: string;
  readonly worker: string;
  /** Steps that an earlier attempt has saved. */
  readonly saved: number;
}

/** What estimates and the farm's metrics are made of. */
export interface OrderBooks {
  /** Units of all unfinished frames, what is done of running ones taken off. */
  readonly openUnits: number;
  readonly openFrames: number;
  readonly runningFrames: number;
}

/** The order of one model's frames by virtual time. Every call says when it is made, in milliseconds. */
export interface FrameOrder {
  setTenant(tenant: OrderedTenant): Promise<void>;
  submit(job: OrderedJob, nowMs: number): Promise<void>;
  /** A live worker says how many frames it takes at once. */
  announce(worker: string, slots: number, nowMs: number): Promise<void>;
  /** A worker has left, or has been silent for too long. */
  retire(worker: string, nowMs: number): Promise<void>;
  /** Takes the next frame; undefined when none lies ready. */
  take(worker: string, nowMs: number): Promise<TakenFrame | undefined>;
  progress(frame: TakenFrame, step: number, nowMs: number): Promise<void>;
  /** Keeps a snapshot in which so many steps are done. */
  save(frame: TakenFrame, step: number, nowMs: number): Promise<void>;
  commit(frame: TakenFrame, nowMs: number): Promise<void>;
  /** Gives a frame back that was interrupted. */
  giveBack(frame: TakenFrame, nowMs: number): Promise<void>;
  /** The lock of a frame has run out with its worker, and BullMQ has found it. */
  lose(frame: TakenFrame, nowMs: number): Promise<void>;
  books(): Promise<OrderBooks>;
}
