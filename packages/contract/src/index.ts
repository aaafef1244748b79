export {
  ERROR_TRAITS,
  type ErrorCode,
  type ErrorDetails,
  type ErrorTraits,
  FarmError,
  invariant,
} from "./errors.js";
