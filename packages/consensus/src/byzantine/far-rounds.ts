import type { Attack } from "./attack.ts";

/** Votes in rounds far ahead, to pull others out of theirs or to fill their memory. */
export const FAR_ROUNDS: Attack = {
  name: "far rounds",
  corrupt(message) {
    if (message.kind === "proposal") return [message];
    const { vote } = message;
    return [1, 7, 1_000, 2 ** 31].map((ahead) => {
      return { kind: "vote", vote: { ...vote, round: vote.round + ahead } };
    });
  },
};
