import type { Hex } from "@cess/std/bytes";
import type { Message } from "../votes.ts";
import type { Attack } from "./attack.ts";

/** Tells one half of the committee one thing and the other half another, in concert. */
export const EQUIVOCATE: Attack = {
  name: "equivocate",
  corrupt: (message, target) => [target % 2 === 0 ? message : twin(message)],
};

function twin(message: Message): Message {
  switch (message.kind) {
    case "proposal": {
      const { proposal } = message;
      return { kind: "proposal", proposal: { ...proposal, valueId: twinOf(proposal.valueId) } };
    }
    case "vote": {
      const { vote } = message;
      const valueId = vote.valueId === undefined ? undefined : twinOf(vote.valueId);
      return { kind: "vote", vote: { ...vote, valueId } };
    }
  }
}

function twinOf(valueId: Hex): Hex {
  return `${valueId.slice(0, -2)}ee` as Hex;
}
