import type { Attack } from "./attack.ts";

/**
 * Votes for the value towards one seat and nil towards the rest, so that one seat sees a quorum
 * and locks while the others do not: a threat to progress, not to agreement.
 */
export const HIDE_QUORUM: Attack = {
  name: "hide quorum",
  corrupt(message, target) {
    if (message.kind === "proposal" || target === message.vote.round % 4) return [message];
    return [{ kind: "vote", vote: { ...message.vote, valueId: undefined } }];
  },
};
