import { RULES } from "../rules.ts";
import type { Attack } from "./attack.ts";

/** Forgets its lock and proposes anew, so that a value decided elsewhere might be overwritten. */
export const AMNESIA: Attack = {
  name: "amnesia",
  rules: { ...RULES, mayPrevote: () => true },
  corrupt(message) {
    if (message.kind === "vote") return [message];
    const { proposal } = message;
    const fresh = { ...proposal, validRound: undefined, builtRound: proposal.round };
    const valueId = `${proposal.valueId.slice(0, -2)}aa` as const;
    return [{ kind: "proposal", proposal: { ...fresh, valueId: valueId as `0x${string}` } }];
  },
};
