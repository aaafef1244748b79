export {
  createSession,
  type InputTensor,
  type OutputTensor,
  type Session,
  type SessionOptions,
} from "./session.js";
