import type { Rules } from "../rules.ts";
import type { Message } from "../votes.ts";

/** What a faulty seat does instead of the protocol. Its machine only tells it what is going on. */
export interface Attack {
  readonly name: string;
  /** Rules that its own machine follows, if not the right ones. */
  readonly rules?: Rules;
  /** What the seat sends to `target` where a correct one would send `message`, its own. */
  corrupt(message: Message, target: number): readonly Message[];
}
