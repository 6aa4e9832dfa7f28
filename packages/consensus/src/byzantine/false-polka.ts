import type { Attack } from "./attack.ts";

/** Proposes new values under the claim that a quorum prevoted for them before. */
export const FALSE_POLKA: Attack = {
  name: "false polka",
  corrupt(message) {
    if (message.kind === "vote") return [message];
    const { proposal } = message;
    const validRound = Math.max(0, proposal.round - 1);
    return [{ kind: "proposal", proposal: { ...proposal, validRound, builtRound: 0 } }];
  },
};
