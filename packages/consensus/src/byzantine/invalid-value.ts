import type { Hex } from "@cess/std/bytes";
import type { Attack } from "./attack.ts";

/** Proposes blocks that break the application's rules and votes for them. */
export const INVALID_VALUE: Attack = {
  name: "invalid value",
  corrupt(message) {
    if (message.kind === "proposal") {
      const { proposal } = message;
      return [{ kind: "proposal", proposal: { ...proposal, valueId: invalid(proposal.valueId) } }];
    }
    const { vote } = message;
    const valueId = vote.valueId === undefined ? undefined : invalid(vote.valueId);
    return [{ kind: "vote", vote: { ...vote, valueId } }];
  },
};

function invalid(valueId: Hex): Hex {
  return `0xff${valueId.slice(4)}`;
}
