/** A script of the farm: its name for messages, and its text. */
export interface Script {
  readonly name: string;
  readonly lua: string;
}
