import type { Hex } from "@cess/std/bytes";
import { RULES } from "../rules.ts";
import type { Attack } from "./attack.ts";

/**
 * Lets few seats decide, hides it from the rest, and has those decide again: precommits to some,
 * nil to others, prevotes whatever its lock says, and proposes anew.
 */
export const HIDE_COMMIT: Attack = {
  name: "hide commit",
  rules: { ...RULES, mayPrevote: () => true },
  corrupt(message, target) {
    if (message.kind === "vote") {
      const isHidden = message.vote.kind === "precommit" && target % 3 !== message.vote.round % 3;
      const valueId = isHidden ? undefined : message.vote.valueId;
      return [{ kind: "vote", vote: { ...message.vote, valueId } }];
    }
    const { proposal } = message;
    const valueId = `${proposal.valueId.slice(0, -2)}bb` as Hex;
    const { round } = proposal;
    const fresh = { ...proposal, valueId, validRound: undefined, builtRound: round };
    return [{ kind: "proposal", proposal: fresh }];
  },
};
